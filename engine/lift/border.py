"""Beyond the photo's border: its surfaces go on outside the frame, so that a small move opens no void along the edge.

border pixels ─► seeds: surface of a band inside ─► outside the frame, as far as a move shows, in the picture's mirror image

A camera that moves sideways by b shows f b / depth pixels beyond the border, one that moves back (half the diagonal) b / depth.
Each place outside continues the plane of the nearest border pixel. What is thin and near there, a pole, is not continued: it
would sweep over what was photographed. Nothing of this was photographed either: origin and confidence are the hidden layer's.
"""

import cv2
import numpy as np

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
)
from .edges import EDGE_STEP
from .surface import Surface

MOVE = 0.11  # of the scene's depth: a tenth must show no void
_BAND = 12, 4  # pixels around a border pixel, and between samples: whose mean normal is continued
_NEARER = 4.0  # times, at most
_FARTHEST = 0.5  # of the longer side: how far a surface is continued at most
_THIN = 0.04  # of the longer side: what is nearer than all beside it and narrower than this is not continued
# A splat's block, pixels a side, and up to which distance from the frame it is that fine.
_RINGS = ((2, 6.0), (4, 20.0), (8, 64.0), (16, np.inf))


def border_layer(surface: Surface, colours: np.ndarray) -> tuple[Splats, np.ndarray]:
    """Splats of the surfaces continued beyond the photo's frame.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        The splats, and (M,) the border pixel (flat index) whose surface each continues.
    """
    seeds, nearest = _seeds(surface, colours)
    parts = [_ring(surface, colours, seeds, nearest, *ring) for ring in _ring_limits()]
    every = Places(
        *(
            np.concatenate(arrays)
            for arrays in zip(*(vars(part).values() for part in parts), strict=True)
        )
    )
    return continuation(surface, seeds, every)


def _ring_limits() -> list[tuple[int, float, float]]:
    """Block, least and largest distance of each ring; they overlap by half a block."""
    starts = [0.0, *(end for _, end in _RINGS[:-1])]
    return [
        (block, start - block / 2 if start else 0.0, end)
        for (block, end), start in zip(_RINGS, starts, strict=True)
    ]


def _seeds(surface: Surface, colours: np.ndarray) -> tuple[Seeds, np.ndarray]:
    """The border's pixels that are continued; and (H, W) int32, at border pixels which seed is nearest along the border."""
    estimate = surface.estimate
    depth, view = estimate.depth, estimate.view
    around = _around(*depth.shape)
    own = depth.ravel()[around]
    kept = np.flatnonzero(
        _without_thin(own, round(_THIN * max(depth.shape))) <= own * (1 + EDGE_STEP)
    )
    after = np.searchsorted(kept, np.arange(len(around))) % len(kept)
    before = after - 1  # of the first the last: the border is a ring
    places = np.arange(len(around))
    there, back = (np.abs(places - kept[side]) for side in (after, before))
    there, back = (np.minimum(away, len(around) - away) for away in (there, back))
    nearest = np.zeros(depth.shape, np.int32)
    nearest.ravel()[around] = np.where(there <= back, after, before % len(kept))
    pixels = around[kept]
    solid = depth[~estimate.sky]
    move = MOVE * float(np.median(solid if solid.size else depth))
    reach = max(view.fx, np.hypot(view.width, view.height) / 2)
    # Ground comes nearer beyond the border: what a move shows last is nearer than the border's pixel by about the move.
    near = np.maximum(own[kept] - move, own[kept] / _NEARER)
    shown = np.minimum(reach * move / near, _FARTHEST * max(depth.shape))
    normal, colour = band(surface, colours, pixels, *_BAND)
    return Seeds(pixels, own[kept], normal, colour, shown), nearest


def _around(height: int, width: int) -> np.ndarray:
    """(P,) int64 flat indices of the border's pixels, once around."""
    index = np.arange(height * width).reshape(height, width)
    return np.concatenate([index[0], index[1:, -1], index[-1, -2::-1], index[-2:0:-1, 0]])


def _without_thin(depth: np.ndarray, size: int) -> np.ndarray:
    """Depths (P,) along a ring, those of runs narrower than `size` that are nearer than both sides raised to theirs."""
    window = np.ones((1, 2 * (size // 2) + 1), np.uint8)
    ring = np.concatenate([depth[-size:], depth, depth[:size]])[None]
    return cv2.morphologyEx(ring, cv2.MORPH_CLOSE, window)[0, size : size + len(depth)]


def _ring(
    surface: Surface,
    colours: np.ndarray,
    seeds: Seeds,
    nearest: np.ndarray,
    block: int,
    least: float,
    most: float,
) -> Places:
    """The places of blocks at these distances from the frame that a move shows."""
    view = surface.estimate.view
    size = np.array([view.width, view.height])
    reach = int(min(most, seeds.shown.max() + SPARE_PX)) + block
    x, y = (np.arange(-reach // block * block, side + reach, block) + block / 2 for side in size)
    at = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    away = np.maximum(np.maximum(-at, at - size), 0)
    distance = np.hypot(away[:, 0], away[:, 1])
    inside = np.clip(np.floor(at), 0, size - 1).astype(int)
    seed = nearest[inside[:, 1], inside[:, 0]]
    chosen = (distance > least) & (distance <= np.minimum(most, seeds.shown[seed] + SPARE_PX))
    at, seed, distance = at[chosen], seed[chosen], distance[chosen]
    rays = np.column_stack(
        [(at - [view.cx, view.cy]) / [view.fx, view.fy], np.ones(len(at))]
    ).astype(np.float32)
    depth = continued(seeds, inverse_planes(surface, seeds), seed, rays)
    image, share = mirrored(surface, cv2.blur(colours, (block, block)), seeds, seed, at)
    tint = seeds.colour[seed] + (image - seeds.colour[seed]) * share[:, None]
    return Places(rays, seed, distance, depth, np.full(len(at), block), tint)
