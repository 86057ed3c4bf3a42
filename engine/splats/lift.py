"""Depth to Gaussians: surface-aligned splats, closed at the photo's view and nearer, cut at depth edges, in a budget.

Two layers make one surface. The front has a small splat for each pixel: small, so that the photo's own view stays
sharp. Behind it each block of 2 x 2 pixels has a wide one in the block's mean colour: it shows only where a nearer
camera sees between the small ones. Where a block is of one colour its wide splat alone is enough, and the small ones
are pruned. Along the near side of a depth edge, where a wide one would stick out, each pixel has a narrow one instead;
on the far side the wide ones hide behind the edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..depth import DepthEstimate
from ..errors import ArgumentError
from ..geometry import matrix_to_quaternion
from .record import PHOTOGRAPHED, Splats

DEFAULT_MAX_SPLATS = 1_000_000
FRONT_SHARE = 0.77  # of the budget: four front splats for each wide one behind them, and some along edges
OPACITY = 0.99  # nearly opaque: a surface of single splats must close
FRONT_SIGMA_PX = 0.25  # measured on the demo photo after the colour match: 32 dB; 0.3 gives 31 dB, 0.5 gives 25 dB
BACK_SIGMA_PX = 1.3  # 0.65 of the block: where four blocks meet the coverage is still 0.96
RIM_SIGMA_PX = 0.6  # along the near side of an edge: closes at any distance, sticks out by less than a pixel
BLOCK = 2  # pixels a side of what one back splat stands for
MAX_STRETCH = 12.0  # longest to shortest axis on the surface: less opens stripes in grazing ground when nearer, more smears
THICKNESS = 0.15  # along the normal, of the in-surface standard deviation
PLAIN_SIGMA_PX = 1.8  # where nothing lies before it: 0.9 of the block covers 0.99 where four blocks meet
PLAIN_RANGE = 4 / 255  # colours this near are one: below a photo's own noise
PLAIN_WINDOW = 4  # pixels a side that must be of one colour: the block and a pixel around it
BACK_REACH_PX = 4  # pixels whose front splats must all be sorted before the back splat between them
BACK_GAP = 0.002  # part of the depth by which the back layer lies behind at least
MAX_PUSH = 0.15  # part of the depth by which it lies behind at most
EDGE_STEP = 0.06  # a depth step of more, beyond what the slant explains, is an edge
EDGE_MARGIN_PX = 3  # how far wide splats keep from the near side of an edge


@dataclass(frozen=True, eq=False)
class Lifted:
    """Splats, and which of them stands for which pixel of the grid."""

    splats: Splats
    rows: np.ndarray  # (H, W) int32, the front splat of each pixel, -1 where it has none
    pixels: np.ndarray  # (N,) int64, the pixel (flat index) that each splat came from


def grid_budget(max_splats: int) -> int:
    """How many pixels the depth grid may have, so that both layers together keep the budget."""
    return max(int(max_splats * FRONT_SHARE), 1)


def lift(estimate: DepthEstimate, colours: np.ndarray, max_splats: int = DEFAULT_MAX_SPLATS) -> Lifted:
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
    surface = _Surface(estimate)
    colours = np.asarray(colours, np.float32)
    if max_splats <= estimate.depth.size:
        return _thinned(surface, colours, max_splats)
    return _two_layers(surface, colours, max_splats)


def _thinned(surface: "_Surface", colours: np.ndarray, max_splats: int) -> Lifted:
    """The front layer alone, at evenly spread pixels, its splats grown to cover the others."""
    depth = surface.estimate.depth
    keep = _spread(depth.size, max_splats)
    front = _splats(surface, surface.points, colours, FRONT_SIGMA_PX).select(keep)
    front = front.with_(scales=front.scales * np.float32(np.sqrt(depth.size / len(keep))))
    rows = np.full(depth.size, -1, np.int32)
    rows[keep] = np.arange(len(keep), dtype=np.int32)
    return Lifted(front, rows.reshape(depth.shape), keep)


def _two_layers(surface: "_Surface", colours: np.ndarray, max_splats: int) -> Lifted:
    """Front and back; where a block is of one colour its wide splat is enough, and its front is pruned."""
    depth = surface.estimate.depth
    slope = surface.slope()
    rim, far_side = _edges(depth, slope)
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
        (np.flatnonzero(~pruned), points, colours, FRONT_SIGMA_PX),
        (np.flatnonzero(plain), middles, mean, PLAIN_SIGMA_PX),
        (np.flatnonzero(rim), eye + (points - eye) * push, colours, RIM_SIGMA_PX),
        (np.flatnonzero(wide & ~plain), eye + (middles - eye) * push, mean, BACK_SIGMA_PX),
    ]
    parts = [_splats(surface, at, tint, sigma).select(chosen) for chosen, at, tint, sigma in layers]
    pixels = np.concatenate([layer[0] for layer in layers])
    rows = np.full(depth.size, -1, np.int32)
    shown = len(parts[0]) + len(parts[1])
    rows[pixels[:shown]] = np.arange(shown, dtype=np.int32)
    rows = np.where(pruned, _first_of_blocks(rows.reshape(depth.shape)), rows.reshape(depth.shape))
    last = shown + len(parts[2])
    keep = np.concatenate([np.arange(last), last + _spread(len(parts[3]), max(max_splats - last, 0))])[:max_splats]
    return Lifted(Splats.concatenate(parts).select(keep), rows, pixels[keep])


def _plain_blocks(colours: np.ndarray, near_edge: np.ndarray) -> np.ndarray:
    """(H, W) bool at blocks' first pixels: the block and its surroundings have one colour, and no edge is near."""
    window = np.ones((PLAIN_WINDOW, PLAIN_WINDOW), np.uint8)
    anchor = (PLAIN_WINDOW // 2 - 1, PLAIN_WINDOW // 2 - 1)
    spread = cv2.dilate(colours, window, anchor=anchor) - cv2.erode(colours, window, anchor=anchor)
    return (spread.max(axis=-1) <= PLAIN_RANGE) & (cv2.dilate(near_edge.astype(np.uint8), window) == 0)


def _of_blocks(first: np.ndarray) -> np.ndarray:
    """(H, W) bool: all pixels of the blocks whose first pixels are marked."""
    return cv2.dilate(first.astype(np.uint8), np.ones((BLOCK, BLOCK), np.uint8), anchor=(BLOCK - 1, BLOCK - 1)) > 0


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


class _Surface:
    """The frame of each pixel's disc: along the slant, across it, the normal; and how far the slant stretches it."""

    def __init__(self, estimate: DepthEstimate) -> None:
        self.estimate = estimate
        view, normal = estimate.view, estimate.normal
        self.rays = view.rays()
        self.points = view.unproject(estimate.depth).astype(np.float32)
        towards_eye = -(self.rays @ view.world_from_camera[:3, :3].T.astype(np.float32))
        towards_eye /= np.linalg.norm(towards_eye, axis=-1, keepdims=True)
        cosine = np.sum(normal * towards_eye, axis=-1)
        # A disc stretches along the part of the viewing direction that lies in the surface.
        along = towards_eye - cosine[..., None] * normal
        length = np.linalg.norm(along, axis=-1, keepdims=True)
        sideways = view.world_from_camera[:3, 0].astype(np.float32)
        sideways = sideways - np.sum(sideways * normal, axis=-1, keepdims=True) * normal
        sideways /= np.maximum(np.linalg.norm(sideways, axis=-1, keepdims=True), 1e-6)
        along = np.where(length > 1e-3, along / np.maximum(length, 1e-6), sideways)
        self.stretch = np.minimum(1 / np.maximum(cosine, 1e-3), MAX_STRETCH)
        self.rotations = matrix_to_quaternion(np.stack([along, np.cross(normal, along), normal], axis=-1))

    def slope(self) -> np.ndarray:
        """(H, W) relative change of depth per pixel on the pixel's own plane: |n_xy| / (f |n . ray|), camera frame."""
        view = self.estimate.view
        normal = self.estimate.normal @ view.world_from_camera[:3, :3].astype(np.float32)
        facing = np.abs(np.sum(normal * self.rays, axis=-1))
        return np.hypot(normal[..., 0], normal[..., 1]) / (np.float32(view.fx) * np.maximum(facing, 1e-3))


def _splats(surface: _Surface, points: np.ndarray, colours: np.ndarray, sigma_px: float) -> Splats:
    """A splat for each pixel, at points (H, W, 3) near the pixel's own."""
    estimate = surface.estimate
    footprint = np.float32(sigma_px / estimate.view.fx) * estimate.depth
    scales = np.stack([footprint * surface.stretch, footprint, footprint * THICKNESS], axis=-1)
    count = estimate.depth.size
    return Splats(
        positions=points.reshape(-1, 3),
        scales=scales.reshape(-1, 3),
        rotations=surface.rotations.reshape(-1, 4),
        opacities=np.full(count, OPACITY),
        colors=colours.reshape(-1, 3),
        confidence=estimate.confidence.reshape(-1),
        region=np.full(count, -1),
        origin=np.full(count, PHOTOGRAPHED),
    )


def _edges(depth: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: the near sides of depth edges, and the far sides, EDGE_MARGIN_PX wide.

    A step counts as an edge where the surface's own slant does not explain it.
    """
    log_depth = np.log(depth)
    size = 2 * EDGE_MARGIN_PX + 1
    window = np.ones((size, size), np.uint8)
    allowed = EDGE_STEP + 2 * EDGE_MARGIN_PX * slope
    near_side = cv2.dilate(log_depth, window) - log_depth > allowed
    far_side = log_depth - cv2.erode(log_depth, window) > allowed
    return near_side, far_side
