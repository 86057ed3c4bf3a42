"""Depth to Gaussians: surface-aligned splats, closed at the photo's view and nearer, cut at depth edges, in a budget.

Two layers make one surface. The front has a small splat for each pixel: small, so that the photo's own view stays
sharp. Behind it each block of 2 x 2 pixels has a wide one in the block's mean colour: it shows only where a nearer
camera sees between the small ones. Where a block is of one colour its wide splat alone is enough, and the small ones
are pruned. Along the near side of a depth edge, where a wide one would stick out, each pixel has a narrow one instead,
the outermost none; on the far side the wide ones hide behind the edge, and the hidden layer goes on behind them, and
likewise beyond the photo's border.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..depth import DepthEstimate
from ..errors import ArgumentError
from ..splats.record import DEFAULT_MAX_SPLATS, PHOTOGRAPHED, Splats
from .border import border_layer
from .certainty import certainty
from .continuing import Seeds
from .edges import find_edges, snapped
from .hidden import find_far_edge, hidden_layer
from .surface import Surface

LAYERS_SHARE = 0.925  # of the budget, for the two layers; the rest stands along edges, hides behind them and beyond the border
PER_PIXEL = 1.25  # splats of the two layers: a small one, and a quarter of a wide one; where it is plain that quarter alone
OPACITY = 0.99  # nearly opaque: a surface of single splats must close
FRONT_SIGMA_PX = 0.25  # measured on the demo photo after the colour match: 32 dB; 0.3 gives 31 dB, 0.5 gives 25 dB
BACK_SIGMA_PX = 1.3  # 0.65 of the block: where four blocks meet the coverage is still 0.96
RIM_SIGMA_PX = 0.45  # along the near side of an edge: closes at twice the size, and hardly shows on the far side
INSET_PX = 0.2  # by which the outermost small splats of a near side stand inside it: half as much of them spills over
BLOCK = 2  # pixels a side of what one back splat stands for
THICKNESS = 0.15  # along the normal, of the in-surface standard deviation
PLAIN_SIGMA_PX = (
    1.8  # where nothing lies before it: 0.9 of the block covers 0.99 where four blocks meet
)
PLAIN_RANGE = 4 / 255  # colours this near are one: below a photo's own noise
PLAIN_WINDOW = 4  # pixels a side that must be of one colour: the block and a pixel around it
BACK_REACH_PX = 4  # pixels whose front splats must all be sorted before the back splat between them
BACK_GAP = 0.002  # part of the depth by which the back layer lies behind at least
MAX_PUSH = 0.15  # part of the depth by which it lies behind at most

_Layer = tuple[
    np.ndarray, np.ndarray, np.ndarray, float
]  # pixels (M,); points and colours (H, W, 3); sigma in pixels


@dataclass(frozen=True, eq=False)
class Lifted:
    """Splats, and which of them stands for which pixel of the grid."""

    splats: Splats
    rows: (
        np.ndarray
    )  # (H, W) int32, the front splat that is the photo's pixel; -1 where it has none
    pixels: np.ndarray  # (N,) int64, the pixel (flat index) that each splat came from
    spilled: (
        np.ndarray
    )  # (E,) int64 flat: the last pixels of far surfaces, which the near side spills onto


def grid_budget(max_splats: int, plain: float = 0.0) -> int:
    """How many pixels the depth grid may have, so that both layers together keep the budget.

    Args:
        max_splats: the budget.
        plain: the share of the picture that needs no small splats (`plain_share`): what it saves makes the rest finer.
    """
    return max(int(max_splats * LAYERS_SHARE / max(PER_PIXEL - plain, 1)), 1)


def plain_share(colours: np.ndarray) -> float:
    """The share of a picture (H, W, 3) float32, sRGB-encoded, that is of one colour within a block and around it."""
    blocks = _plain_blocks(colours, np.zeros(colours.shape[:2], bool))
    return float(blocks[::BLOCK, ::BLOCK].mean())


def lift(
    estimate: DepthEstimate, colours: np.ndarray, max_splats: int = DEFAULT_MAX_SPLATS
) -> Lifted:
    """Gaussians whose discs lie in the surface and whose images at the photo's camera are round.

    Args:
        estimate: depth, normals and view of the grid (H, W).
        colours: (H, W, 3) float32, sRGB-encoded.
        max_splats: at most so many. Where there are more pixels than that, evenly spread ones keep theirs, grown to
            cover the rest; otherwise the wide splats behind the front take what remains.

    Raises:
        ArgumentError: `max_splats` is not positive.
    """
    if max_splats < 1:
        raise ArgumentError(f"A scene needs at least one splat, not {max_splats}.")
    colours = np.asarray(colours, np.float32)
    surface = Surface(snapped(estimate, colours))
    if max_splats <= estimate.depth.size:
        return _thinned(surface, colours, max_splats)
    return _two_layers(surface, colours, max_splats)


def _thinned(surface: Surface, colours: np.ndarray, max_splats: int) -> Lifted:
    """The front layer alone, at evenly spread pixels, its splats grown to cover the others."""
    depth = surface.estimate.depth
    keep = _spread(depth.size, max_splats)
    front = _splats(surface, certainty(surface), keep, surface.points, colours, FRONT_SIGMA_PX)
    front = front.with_(scales=front.scales * np.float32(np.sqrt(depth.size / len(keep))))
    rows = np.full(depth.size, -1, np.int32)
    rows[keep] = np.arange(len(keep), dtype=np.int32)
    return Lifted(front, rows.reshape(depth.shape), keep, np.zeros(0, np.int64))


def _two_layers(surface: Surface, colours: np.ndarray, max_splats: int) -> Lifted:
    """Front and back, and behind silhouettes and beyond the border the hidden layer."""
    edge = find_far_edge(surface, colours)
    unmixed = _unmixed(colours, edge)
    layers, pruned = _layers(surface, unmixed)
    trust = certainty(surface)
    parts, pixels = (
        [_splats(surface, trust, *layer) for layer in layers],
        [layer[0] for layer in layers],
    )
    shown = np.concatenate(pixels[:2])
    rows = np.full(pruned.shape, -1, np.int32)
    rows.ravel()[shown] = np.arange(len(shown), dtype=np.int32)
    rows = np.where(pruned, _first_of_blocks(rows), rows)
    for unseen, continues in (hidden_layer(surface, unmixed, edge), border_layer(surface, colours)):
        parts.append(unseen)
        pixels.append(continues)
    kept = _within(max_splats, [len(part) for part in parts])
    parts = [
        part if len(keep) == len(part) else part.select(keep)
        for part, keep in zip(parts, kept, strict=True)
    ]
    own = np.concatenate([part[keep] for part, keep in zip(pixels, kept, strict=True)])
    return Lifted(Splats.concatenate(parts), rows, own, edge.pixels)


def _layers(surface: Surface, colours: np.ndarray) -> tuple[list[_Layer], np.ndarray]:
    """Small splats, wide ones that stand alone, those at rims, wide ones behind; (H, W) bool, where no small one is needed."""
    depth, slope = surface.estimate.depth, surface.slope()
    rim, far_side = find_edges(depth, slope)
    last = find_edges(depth, slope, 1)
    wide = np.zeros(depth.shape, bool)
    wide[::BLOCK, ::BLOCK] = True
    wide &= ~rim
    plain = wide & ~far_side & _plain_blocks(colours, rim | far_side)
    pruned = _of_blocks(plain)
    push = (1 + BACK_GAP + np.minimum(slope * BACK_REACH_PX, MAX_PUSH))[..., None]
    eye = surface.estimate.view.position.astype(np.float32)
    points, middles = surface.points, cv2.blur(surface.points, (BLOCK, BLOCK), anchor=(0, 0))
    mean = cv2.blur(colours, (BLOCK, BLOCK), anchor=(0, 0))
    middles = np.where(far_side[..., None], points, middles)  # a block over an edge is no block
    mean = np.where(far_side[..., None], colours, mean)
    layers = [
        (np.flatnonzero(~pruned), _inset(surface, *last), colours, FRONT_SIGMA_PX),
        (np.flatnonzero(plain), middles, mean, PLAIN_SIGMA_PX),
        (
            np.flatnonzero(_backed(rim, rim & last[0])),
            eye + (points - eye) * push,
            colours,
            RIM_SIGMA_PX,
        ),
        (np.flatnonzero(wide & ~plain), eye + (middles - eye) * push, mean, BACK_SIGMA_PX),
    ]
    return layers, pruned


def _inset(surface: Surface, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Points (H, W, 3) of the surface, the near sides' outermost moved INSET_PX away from what is behind them."""
    estimate = surface.estimate
    # Towards the far side, from where it lies about a pixel.
    behind = far.astype(np.float32)
    across, down = (
        cv2.Sobel(behind, cv2.CV_32F, *axes, ksize=3, borderType=cv2.BORDER_REPLICATE)
        for axes in ((1, 0), (0, 1))
    )
    steepness = np.hypot(across, down)
    moved = np.nonzero(near & ~far & (steepness > 0))
    pixels = -INSET_PX * np.stack([across[moved], down[moved]], axis=-1) / steepness[moved][:, None]
    step = pixels * (estimate.depth[moved] / np.float32(estimate.view.fx))[:, None]
    points = surface.points.copy()
    points[moved] += step @ estimate.view.world_from_camera[:3, :2].T.astype(np.float32)
    return points


def _within(most: int, counts: list[int]) -> list[np.ndarray]:
    """Rows of each layer that fit: of the first three all, the wide and the hidden ones each thinned as much as the other."""
    front, wide, hidden = sum(counts[:3]), counts[3], sum(counts[4:])
    room = max(most - front, 0)
    for_wide = min(wide, -(-room * wide // max(wide + hidden, 1)))
    parts = [
        np.arange(front),
        front + _spread(wide, for_wide),
        front + wide + _spread(hidden, room - for_wide),
    ]
    rows, ends = np.concatenate(parts)[:most], np.cumsum(counts)
    starts = ends - counts
    return [
        rows[slice(*np.searchsorted(rows, (start, end)))] - start
        for start, end in zip(starts, ends, strict=True)
    ]


def _unmixed(colours: np.ndarray, edge: Seeds) -> np.ndarray:
    """Colours (H, W, 3) in which a far surface's last pixels have its own colour, not one mixed with the near side's."""
    colours = colours.copy()
    colours.reshape(-1, 3)[edge.pixels] = edge.colour
    return colours


def _backed(rim: np.ndarray, outermost: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels of a near side with a splat behind their small one.

    The outermost have none, or two would spill over the edge; in a thin structure all are outermost, and have one.
    """
    window = np.ones((3, 3), np.uint8)
    inner = (rim & ~outermost).astype(np.uint8)
    return rim & ~(outermost & (cv2.dilate(inner, window) > 0))


def _plain_blocks(colours: np.ndarray, near_edge: np.ndarray) -> np.ndarray:
    """(H, W) bool at blocks' first pixels: the block and its surroundings have one colour, and no edge is near."""
    window = np.ones((PLAIN_WINDOW, PLAIN_WINDOW), np.uint8)
    anchor = (PLAIN_WINDOW // 2 - 1, PLAIN_WINDOW // 2 - 1)
    spread = cv2.dilate(colours, window, anchor=anchor) - cv2.erode(colours, window, anchor=anchor)
    return (spread.max(axis=-1) <= PLAIN_RANGE) & (
        cv2.dilate(near_edge.astype(np.uint8), window) == 0
    )


def _of_blocks(first: np.ndarray) -> np.ndarray:
    """(H, W) bool: all pixels of the blocks whose first pixels are marked."""
    return (
        cv2.dilate(
            first.astype(np.uint8), np.ones((BLOCK, BLOCK), np.uint8), anchor=(BLOCK - 1, BLOCK - 1)
        )
        > 0
    )


def _first_of_blocks(rows: np.ndarray) -> np.ndarray:
    """(H, W) the value of each block's first pixel, at all its pixels."""
    height, width = rows.shape
    return np.repeat(np.repeat(rows[::BLOCK, ::BLOCK], BLOCK, 0), BLOCK, 1)[:height, :width]


def _spread(count: int, most: int) -> np.ndarray:
    """Sorted indices of `most` evenly spread ones of `count` (golden-ratio sequence, deterministic); all if they fit."""
    if count <= most:
        return np.arange(count)
    order = np.argsort((np.arange(count) * 0.6180339887498949) % 1.0, kind="stable")
    return np.sort(order[:most])


def _splats(
    surface: Surface,
    trust: np.ndarray,
    chosen: np.ndarray,
    points: np.ndarray,
    colours: np.ndarray,
    sigma_px: float,
) -> Splats:
    """A splat for each chosen pixel (M,), flat indices, at its own of points (H, W, 3), of confidence trust (H, W)."""
    estimate = surface.estimate
    footprint = np.float32(sigma_px / estimate.view.fx) * estimate.depth.ravel()[chosen]
    stretch = surface.stretch.ravel()[chosen]
    return Splats(
        positions=points.reshape(-1, 3)[chosen],
        scales=np.stack([footprint * stretch, footprint, footprint * THICKNESS], axis=-1),
        rotations=surface.rotations.reshape(-1, 4)[chosen],
        opacities=np.full(len(chosen), OPACITY),
        colors=colours.reshape(-1, 3)[chosen],
        confidence=trust.ravel()[chosen],
        region=np.full(len(chosen), -1),
        origin=np.full(len(chosen), PHOTOGRAPHED),
    )
