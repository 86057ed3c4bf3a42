"""Depth to Gaussians: splats that lie in the surface, within a budget.

surface ─► front, plain, rim, back      what the photo shows (`layers`)
        ─► hidden                       behind silhouettes (`hidden`)
        └► border                       beyond the photo's border (`border`)
                └─► the budget: the first three are kept, the others thinned alike

The splats close the surface at the photo's view and nearer, and end at depth edges.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..depth import DepthEstimate
from ..errors import ArgumentError
from ..splats.record import DEFAULT_MAX_SPLATS, PHOTOGRAPHED, Splats
from .border import border_layer
from .certainty import certainty
from .continuing import Seeds
from .discs import disc_splats
from .edges import snapped
from .hidden import find_far_edge, hidden_layer
from .layers import BLOCK, FRONT_SIGMA_PX, Layer, plain_share, surface_layers
from .surface import Surface

__all__ = ["DEFAULT_MAX_SPLATS", "Lifted", "grid_budget", "lift", "plain_share"]

# Share of the budget for front and back. The rest is for rims, and for what hides behind edges and
# lies beyond the border.
LAYERS_SHARE = 0.925

# Splats of front and back for each pixel: a small one, and a quarter of a wide one. Where the
# picture is plain it is that quarter alone.
PER_PIXEL = 1.25

_GOLDEN_RATIO = 0.6180339887498949  # (√5 - 1) / 2: its multiples modulo 1 are evenly spread

# Layers that are never thinned: without them the photo's own view would have holes.
_ALWAYS_KEPT = ("front", "plain", "rim")


@dataclass(frozen=True, eq=False)
class Lifted:
    """The splats of a photo and the pixels of its grid (H, W) that they stand for.

    Attributes:
        splats: N of them.
        rows: (H, W) int32, for each pixel the row of the splat that shows it from the photo's
            camera: its own small one, or the wide one of its block where that stands alone; -1
            where the budget left none.
        pixels: (N,) int64, for each splat the flat index of the pixel whose surface it lies in or
            continues; of a wide splat the first pixel of its block.
        spilled: (E,) int64, flat indices of the last pixels of far surfaces. Splats of the near
            side spill over them, so that a colour match may change their own splats but little.
    """

    splats: Splats
    rows: np.ndarray
    pixels: np.ndarray
    spilled: np.ndarray


class _Part(NamedTuple):
    """The splats of one layer."""

    name: str  # of a `Layer`, or "hidden", or "border"
    splats: Splats  # M of them
    pixels: np.ndarray  # (M,) int64, as `Lifted.pixels`


def grid_budget(max_splats: int, plain: float = 0.0) -> int:
    """Return the number of pixels the depth grid may have within a budget of splats.

    Args:
        max_splats: the budget.
        plain: the share of the picture that needs no small splats (`plain_share`): what it saves
            makes the rest finer.
    """
    splats_per_pixel = max(PER_PIXEL - plain, 1)
    pixels = int(max_splats * LAYERS_SHARE / splats_per_pixel)
    return max(pixels, 1)


def lift(
    estimate: DepthEstimate,
    colours: np.ndarray,
    max_splats: int = DEFAULT_MAX_SPLATS,
) -> Lifted:
    """Make Gaussians whose discs lie in the surface and look round from the photo's camera.

    Args:
        estimate: depth, normals and view of the grid (H, W).
        colours: (H, W, 3) float32, sRGB-encoded.
        max_splats: at most so many. Where there are more pixels than that, evenly spread ones keep
            theirs, grown to cover the rest; otherwise the wide splats behind the front, and those
            of what the photo does not show, take what remains.

    Raises:
        ArgumentError: `max_splats` is not positive.
    """
    if max_splats < 1:
        raise ArgumentError(f"A scene needs at least one splat, not {max_splats}.")
    colours = np.asarray(colours, np.float32)
    surface = Surface(snapped(estimate, colours))
    if max_splats <= estimate.depth.size:
        return _front_alone(surface, colours, max_splats)
    return _all_layers(surface, colours, max_splats)


def _front_alone(surface: Surface, colours: np.ndarray, max_splats: int) -> Lifted:
    """Lift the front layer at evenly spread pixels, its splats grown to cover the others."""
    depth = surface.estimate.depth
    pixels = _spread(depth.size, max_splats)
    front = Layer(
        name="front",
        pixels=pixels,
        points=surface.points.reshape(-1, 3)[pixels],
        colours=colours.reshape(-1, 3)[pixels],
        sigma_px=FRONT_SIGMA_PX,
    )
    splats = _splats(surface, certainty(surface), front)
    growth = np.sqrt(depth.size / len(pixels))
    splats = splats.with_(scales=splats.scales * np.float32(growth))
    return Lifted(
        splats=splats,
        rows=_rows_of(pixels, depth.shape),
        pixels=pixels,
        spilled=np.zeros(0, np.int64),
    )


def _all_layers(surface: Surface, colours: np.ndarray, max_splats: int) -> Lifted:
    """Lift every layer of the surface, and what the photo does not show, within a budget."""
    edge = find_far_edge(surface, colours)
    unmixed = _unmixed(colours, edge)
    confidence = certainty(surface)
    parts = [
        _Part(layer.name, _splats(surface, confidence, layer), layer.pixels)
        for layer in surface_layers(surface, unmixed)
    ]

    # Each pixel is shown by its small splat, or by the wide one of its block. These parts come
    # first and are never thinned, so that their rows stay what they are here.
    shown = np.concatenate([part.pixels for part in parts if part.name in ("front", "plain")])
    rows = _rows_of(shown, surface.estimate.depth.shape)
    rows = np.where(rows < 0, _first_of_blocks(rows), rows)

    parts.append(_Part("hidden", *hidden_layer(surface, unmixed, edge)))
    parts.append(_Part("border", *border_layer(surface, colours)))
    parts = _within(max_splats, parts)
    return Lifted(
        splats=Splats.concatenate([part.splats for part in parts]),
        rows=rows,
        pixels=np.concatenate([part.pixels for part in parts]),
        spilled=edge.pixels,
    )


def _unmixed(colours: np.ndarray, edge: Seeds) -> np.ndarray:
    """Give the last pixels of far surfaces the colour of their band.

    Their own is mixed with that of the near side.

    Returns:
        (H, W, 3).
    """
    colours = colours.copy()
    colours.reshape(-1, 3)[edge.pixels] = edge.colour
    return colours


def _rows_of(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the place of each pixel in a list of pixels (M,), (H, W) int32; -1 where not in it."""
    rows = np.full(shape, -1, np.int32)
    rows.ravel()[pixels] = np.arange(len(pixels), dtype=np.int32)
    return rows


def _first_of_blocks(values: np.ndarray) -> np.ndarray:
    """Repeat the value of each block's first pixel at all its pixels, (H, W)."""
    height, width = values.shape
    first = values[::BLOCK, ::BLOCK]
    repeated = np.repeat(np.repeat(first, BLOCK, axis=0), BLOCK, axis=1)
    return repeated[:height, :width]


def _within(max_splats: int, parts: list[_Part]) -> list[_Part]:
    """Thin parts to a budget.

    The parts of _ALWAYS_KEPT stay whole if they fit. In what remains, the back layer on one side
    and the hidden and border layers on the other are thinned in the same proportion.
    """
    sizes = {part.name: len(part.pixels) for part in parts}
    certain = sum(sizes[name] for name in _ALWAYS_KEPT)
    wide = sizes["back"]
    unseen = sizes["hidden"] + sizes["border"]
    room = max(max_splats - certain, 0)
    share = -(-room * wide // max(wide + unseen, 1))  # rounded up
    for_wide = min(wide, share)

    # Rows of all parts behind each other; hidden and border are spread as one.
    kept = np.concatenate(
        [
            np.arange(certain),
            certain + _spread(wide, for_wide),
            certain + wide + _spread(unseen, room - for_wide),
        ]
    )
    kept = kept[:max_splats]

    thinned = []
    start = 0
    for part in parts:
        end = start + len(part.pixels)
        first, last = np.searchsorted(kept, (start, end))
        thinned.append(_selected(part, kept[first:last] - start))
        start = end
    return thinned


def _selected(part: _Part, rows: np.ndarray) -> _Part:
    """Return some rows of a part, itself where they are all."""
    if len(rows) == len(part.pixels):
        return part
    return _Part(
        part.name,
        part.splats.select(rows),
        part.pixels[rows],
    )


def _spread(count: int, most: int) -> np.ndarray:
    """Choose `most` evenly spread indices of `count`, sorted; all if they fit.

    The order is that of the golden-ratio sequence, the same in every run.
    """
    if count <= most:
        return np.arange(count)
    sequence = (np.arange(count) * _GOLDEN_RATIO) % 1.0
    order = np.argsort(sequence, kind="stable")
    return np.sort(order[:most])


def _splats(surface: Surface, confidence: np.ndarray, layer: Layer) -> Splats:
    """Make the splats of a layer, with their own of confidences (H, W)."""
    estimate = surface.estimate
    pixels = layer.pixels
    depth = estimate.depth.ravel()[pixels]
    footprint = np.float32(layer.sigma_px / estimate.view.fx) * depth  # metres
    return disc_splats(
        points=layer.points,
        rotations=surface.rotations.reshape(-1, 4)[pixels],
        stretch=surface.stretch.ravel()[pixels],
        footprint=footprint,
        colours=layer.colours,
        confidence=confidence.ravel()[pixels],
        origin=PHOTOGRAPHED,
    )
