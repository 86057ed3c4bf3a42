"""The border layer: surfaces go on outside the photo's frame.

A small move then opens no void along the frame's edge.

border pixels ─► seeds: surface and colour of a band inside the frame
                        └─► outside the frame, as far as a move shows, textured by the mirror image

A camera that moves sideways by b shows f b / depth pixels beyond the border, one that moves back
shows (half the diagonal) b / depth. Each place outside continues the plane of the nearest border
pixel. What is thin and near there, a pole, is not continued: it would sweep over what was
photographed. Nothing of this was photographed either: origin and confidence are those of the hidden
layer.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ..camera import View
from ..depth import DepthEstimate
from ..splats.record import Splats
from .continuing import (
    SPARE_PX,
    Places,
    Seeds,
    band,
    continuation,
    continued,
    inverse_planes,
    mirrored,
    scene_depth,
)
from .edges import EDGE_STEP
from .surface import Surface

# The move for which the layer is made, of the scene's depth. A tenth must show no void.
MOVE = 0.11

# Pixels around a border pixel whose normals and colours are averaged as its surface's ...
_BAND_REACH = 12
# ... and pixels between two samples.
_BAND_STEP = 4

# Largest factor by which a surface is taken to come nearer outside the frame.
_NEARER = 4.0

# Longest continuation outside the frame, of the picture's longer side.
_FARTHEST = 0.5

# Width below which a surface nearer than its surroundings is too thin to be continued, of the
# picture's longer side.
_THIN = 0.04


class _Ring(NamedTuple):
    """A ring of blocks around the frame."""

    block: int  # pixels a side of what one splat covers
    least: float  # smallest distance from the frame, pixels, exclusive
    most: float  # largest distance


# Block of each ring, pixels a side, and the distance from the frame at which the ring ends, pixels.
# Far out a move shows little and the continuation is a guess: coarse blocks are enough.
_RING_ENDS = (
    (2, 6.0),
    (4, 20.0),
    (8, 64.0),
    (16, np.inf),
)


def border_layer(surface: Surface, colours: np.ndarray) -> tuple[Splats, np.ndarray]:
    """Make splats of the surfaces continued beyond the photo's frame.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        The splats, and (M,) the border pixel (flat index) whose surface each continues.
    """
    seeds, nearest_seed = _seeds(surface, colours)
    parts = []
    for ring in _rings():
        places = _places(surface, colours, seeds, nearest_seed, ring)
        parts.append(places)
    return continuation(surface, seeds, _joined(parts))


def _rings() -> list[_Ring]:
    """Return the rings from the inside to the outside; they overlap by half a block."""
    rings = []
    start = 0.0
    for block, end in _RING_ENDS:
        overlap = block / 2 if start else 0.0
        rings.append(_Ring(block, start - overlap, end))
        start = end
    return rings


def _joined(parts: list[Places]) -> Places:
    """Join places, in order."""
    joined = {}
    for name in vars(parts[0]):
        arrays = [getattr(part, name) for part in parts]
        joined[name] = np.concatenate(arrays)
    return Places(**joined)


def _seeds(surface: Surface, colours: np.ndarray) -> tuple[Seeds, np.ndarray]:
    """Choose the border pixels whose surfaces are continued.

    Returns:
        The seeds, and (H, W) int32: at each border pixel the index of the seed nearest to it along
        the border; elsewhere 0.
    """
    estimate = surface.estimate
    depth = estimate.depth
    border = _border_pixels(*depth.shape)  # (P,)
    border_depth = depth.ravel()[border]

    # Thin things are left out: their places are continued from the surfaces on either side.
    thin = round(_THIN * max(depth.shape))
    background = _without_thin(border_depth, thin)
    is_kept = background <= border_depth * (1 + EDGE_STEP)
    kept = np.flatnonzero(is_kept)
    nearest_seed = np.zeros(depth.shape, np.int32)
    nearest_seed.ravel()[border] = _nearest_on_ring(kept, len(border))

    pixels = border[kept]
    own_depth = border_depth[kept]
    normal, colour = band(surface, colours, pixels, _BAND_REACH, _BAND_STEP)
    seeds = Seeds(
        pixels=pixels,
        depth=own_depth,
        normal=normal,
        colour=colour,
        shown=_shown(estimate, own_depth),
    )
    return seeds, nearest_seed


def _border_pixels(height: int, width: int) -> np.ndarray:
    """Return the flat indices of the border's pixels, once around, (P,) int64."""
    index = np.arange(height * width).reshape(height, width)
    top = index[0]
    right = index[1:, -1]
    bottom = index[-1, -2::-1]
    left = index[-2:0:-1, 0]
    return np.concatenate([top, right, bottom, left])


def _without_thin(depth: np.ndarray, size: int) -> np.ndarray:
    """Raise the depths (P,) along a ring of runs narrower than `size` to those of their sides.

    Only what is nearer than both sides is raised (a morphological closing).
    """
    length = 2 * (size // 2) + 1  # odd, so that the window has a middle
    window = np.ones((1, length), np.uint8)
    # A ring has no ends: what follows is repeated at both.
    last = depth[-size:]
    first = depth[:size]
    ring = np.concatenate([last, depth, first])
    closed = cv2.morphologyEx(ring[None], cv2.MORPH_CLOSE, window)
    return closed[0, size : size + len(depth)]


def _nearest_on_ring(chosen: np.ndarray, count: int) -> np.ndarray:
    """Find the nearest of some places of a ring to each of its places, along the ring.

    Args:
        chosen: (S,) sorted.
        count: places of the ring.

    Returns:
        (count,) indices into `chosen`.
    """
    places = np.arange(count)
    after = np.searchsorted(chosen, places) % len(chosen)
    before = after - 1  # of the first the last: -1

    to_after = _distance_on_ring(places, chosen[after], count)
    to_before = _distance_on_ring(places, chosen[before], count)
    is_after = to_after <= to_before
    return np.where(is_after, after, before % len(chosen))


def _distance_on_ring(a: np.ndarray, b: np.ndarray, count: int) -> np.ndarray:
    """Return the distances (P,) of pairs of places on a ring of `count`, the shorter way round."""
    one_way = np.abs(a - b)
    other_way = count - one_way
    return np.minimum(one_way, other_way)


def _shown(estimate: DepthEstimate, depth: np.ndarray) -> np.ndarray:
    """Return the pixels beyond the border that a move shows of surfaces at some depths (S,)."""
    view = estimate.view
    move = MOVE * scene_depth(estimate)  # metres
    # Ground comes nearer beyond the border: what a move shows last is nearer than the border's
    # pixel by about the move.
    nearest = np.maximum(depth - move, depth / _NEARER)
    half_diagonal = np.hypot(view.width, view.height) / 2
    reach = max(view.fx, half_diagonal)  # sideways, or back
    farthest = _FARTHEST * max(estimate.depth.shape)
    return np.minimum(reach * move / nearest, farthest)


def _places(
    surface: Surface,
    colours: np.ndarray,
    seeds: Seeds,
    nearest_seed: np.ndarray,
    ring: _Ring,
) -> Places:
    """Return the places of a ring's blocks that a move shows.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) of the picture.
        seeds: border pixels.
        nearest_seed: (H, W) index of the seed nearest to each border pixel.
        ring: its blocks.
    """
    view = surface.estimate.view
    size = np.array([view.width, view.height])
    reach = min(ring.most, seeds.shown.max() + SPARE_PX)
    at = _block_centres(size, int(reach) + ring.block, ring.block)  # (M, 2) pixels
    distance = _distance_from_frame(at, size)

    # The seed is that of the border pixel nearest to the block.
    nearest_pixel = np.clip(np.floor(at), 0, size - 1)
    columns, rows = nearest_pixel.astype(int).T
    seed = nearest_seed[rows, columns]

    shown = seeds.shown[seed] + SPARE_PX
    farthest = np.minimum(ring.most, shown)
    is_shown = (distance > ring.least) & (distance <= farthest)
    at = at[is_shown]
    seed = seed[is_shown]

    rays = _rays(view, at)
    planes = inverse_planes(surface, seeds)
    return Places(
        rays=rays,
        seed=seed,
        distance=distance[is_shown],
        depth=continued(seeds, planes, seed, rays),
        block=np.full(len(at), ring.block),
        colour=_colours(surface, colours, seeds, seed, at, ring.block),
    )


def _block_centres(size: np.ndarray, reach: int, block: int) -> np.ndarray:
    """Return the centres of blocks over the frame and `reach` pixels around it.

    Args:
        size: (2,) width and height, pixels.
        reach: pixels.
        block: pixels a side.

    Returns:
        (M, 2) x and y in pixels.
    """
    # One block has a corner at the frame's own corner.
    start = -reach // block * block
    width, height = size
    x = np.arange(start, width + reach, block) + block / 2
    y = np.arange(start, height + reach, block) + block / 2
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    return grid.reshape(-1, 2)


def _distance_from_frame(at: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the distance (M,) of places (M, 2) from a frame of width and height (2,); 0 inside."""
    before = -at
    behind = at - size
    outside = np.maximum(before, behind)
    x, y = np.maximum(outside, 0).T
    return np.hypot(x, y)


def _rays(view: View, at: np.ndarray) -> np.ndarray:
    """Return the rays (M, 3) through places x and y (M, 2), camera frame, z = 1."""
    principal_point = [view.cx, view.cy]
    focal_length = [view.fx, view.fy]
    slope = (at - principal_point) / focal_length
    rays = np.column_stack([slope, np.ones(len(at))])
    return rays.astype(np.float32)


def _colours(
    surface: Surface,
    colours: np.ndarray,
    seeds: Seeds,
    seed: np.ndarray,
    at: np.ndarray,
    block: int,
) -> np.ndarray:
    """Return the colours (M, 3) of blocks: the picture's mirror image, or else the seed's band."""
    averaged = cv2.blur(colours, (block, block))
    image, suits = mirrored(surface, averaged, seeds, seed, at)
    own = seeds.colour[seed]
    return own + (image - own) * suits[:, None]
