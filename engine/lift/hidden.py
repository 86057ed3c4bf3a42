"""The hidden layer: behind each silhouette the far surface continues, so that a small move sideways opens no void.

far side of depth edges ─► seeds: surface and colour of a band beside the edge ─► behind the near side, as far as a move shows

A camera that moves sideways by b sees behind an edge f b (1 / near - 1 / far) pixels of the far surface. Each pixel of the
near side takes the plane and the colour of the nearest far pixel at an edge (layered depth as in Shade et al. 1998, filled
from the background alone as in Shih et al. 2020). What is continued was never photographed: its origin says so, and its
confidence is low and falls with the distance behind the edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..splats.record import Splats
from .continuing import (
    FARTHEST,
    SPARE_PX,
    Places,
    Seeds,
    band,
    continuation,
    continued,
    inverse_planes,
    mirrored,
)
from .edges import EDGE_STEP, find_edges
from .surface import Surface

MOVE = 0.2  # of the scene's depth: a tenth must show no void, and an orbit by 10 degrees moves nearly as far as this
_BAND = (
    6,
    3,
)  # pixels beside the edge, and between samples: what is averaged there is the far surface
_LEAST_PX = 0.5  # a move that shows less needs no layer
_LAYERS, _LAYER_STEP = (
    8,
    1.5,
)  # so often the nearest seeds are left out, up to so many times their depth: behind one layer
# may be another, and its seeds farther away
_FINE_PX = 10  # behind the edge up to here the layer's blocks are fine
_FINE, _COARSE = 2, 4  # pixels a side of what one splat stands for
_SOFT_PX = (9, 33)  # colours are averaged over so many pixels within the layer, at the edge and
_MIXED_PX = 3.0  # of the far side beside an edge: no part of the mirror image
_LEAST_MIRROR = (
    0.5  # of the far side's mirror image in those colours, where they are softest; at the edge all
)
_SOFTEST_PX = 16.0  # so far behind it
_ALIKE = 0.2  # in log depth: only with what is so near is a colour averaged


@dataclass(frozen=True, eq=False)
class _Cover:
    """What lies behind the picture's pixels, (H, W)."""

    seed: np.ndarray  # int32 index of the seed that is continued, -1 where nothing is
    distance: np.ndarray  # float32 pixels behind the edge
    depth: np.ndarray  # float32 metres


def find_far_edge(surface: Surface, colours: np.ndarray) -> Seeds:
    """Far pixels beside a depth step that a move makes wider.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    estimate = surface.estimate
    depth, view = estimate.depth, estimate.view
    nearest = cv2.erode(depth, np.ones((3, 3), np.uint8))
    _, step = find_edges(depth, surface.slope(), 1)
    solid = depth[~estimate.sky]
    move = MOVE * float(np.median(solid if solid.size else depth))
    shown = np.where(step, view.fx * move * (1 / nearest - 1 / depth), 0)
    pixels = np.flatnonzero(shown.ravel() > _LEAST_PX)
    normal, colour = band(surface, colours, pixels, _BAND)
    most = FARTHEST * max(depth.shape)
    return Seeds(
        pixels, depth.ravel()[pixels], normal, colour, np.minimum(shown.ravel()[pixels], most)
    )


def hidden_layer(surface: Surface, colours: np.ndarray, edge: Seeds) -> tuple[Splats, np.ndarray]:
    """Splats of the far surfaces continued behind silhouettes.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.
        edge: where that surface ends.

    Returns:
        The splats, and (M,) the pixel (flat index) of the surface that each continues.
    """
    cover = _cover(surface, edge)
    return _splats(surface, cv2.blur(colours, (_COARSE, _COARSE)), edge, cover, _tint(edge, cover))


def _cover(surface: Surface, edge: Seeds) -> _Cover:
    """Which seed each pixel hides, and how deep: of the nearest seed that reaches there and lies behind."""
    depth = surface.estimate.depth
    cover = _Cover(
        np.full(depth.shape, -1, np.int32),
        np.zeros(depth.shape, np.float32),
        np.zeros(depth.shape, np.float32),
    )
    planes = inverse_planes(surface, edge)
    least = 0.0
    for _ in range(_LAYERS):
        chosen = np.flatnonzero(edge.depth >= least)
        if not len(chosen):
            break
        least = max(
            _LAYER_STEP * float(edge.depth[chosen].min()),
            float(np.quantile(edge.depth[chosen], 1 / _LAYERS)),
        )
        distance, owner = _nearest(edge.pixels[chosen], depth.shape)
        seed = chosen[owner]
        at = np.nonzero((cover.seed < 0) & (distance <= edge.shown[seed] + SPARE_PX))
        seed, away = seed[at], distance[at]
        behind = continued(edge, planes, seed, surface.rays[at])
        fits = behind > depth[at] * (1 + EDGE_STEP)
        there = at[0][fits], at[1][fits]
        cover.seed[there], cover.distance[there], cover.depth[there] = (
            seed[fits],
            away[fits],
            behind[fits],
        )
    return cover


def _nearest(pixels: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Distance in pixels (H, W) to the nearest of some pixels (flat indices), and which of them that is."""
    free = np.ones(shape, np.uint8)
    free.ravel()[pixels] = 0
    distance, label = cv2.distanceTransformWithLabels(
        free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(int(label.max()) + 1, np.int32)
    number[label.ravel()[pixels]] = np.arange(len(pixels), dtype=np.int32)
    return distance, number[label]


def _tint(edge: Seeds, cover: _Cover) -> np.ndarray:
    """(H, W, 3) colours of the layer: each seed's, softened among those of like depth, the more the farther behind."""
    there = cover.seed >= 0
    raw = np.zeros((*there.shape, 3), np.float32)
    raw[there] = edge.colour[cover.seed[there]]
    level = np.zeros(there.shape, np.float32)
    level[there] = np.log(cover.depth[there])
    near, far = (_softened(raw, level, there, size) for size in _SOFT_PX)
    share = np.clip(cover.distance / _SOFTEST_PX, 0, 1)[..., None]
    return near + (far - near) * share


def _softened(raw: np.ndarray, level: np.ndarray, there: np.ndarray, size: int) -> np.ndarray:
    """Colours (H, W, 3) averaged over a window where something is there and its mean log depth is the pixel's own."""

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (size, size), borderType=cv2.BORDER_CONSTANT)

    weight = np.maximum(mean(there.astype(np.float32)), 1e-6)
    alike = np.abs(level - mean(level) / weight) < _ALIKE
    return np.where(alike[..., None], mean(raw) / weight[..., None], raw)


def _places(cover: _Cover) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Where a splat stands, (rows, columns), and its block's side in pixels, (M,) each: coarse farther behind the edge."""
    fine = cover.distance <= _FINE_PX
    grid, coarse = np.zeros((2, *cover.seed.shape), bool)
    grid[::_FINE, ::_FINE] = True
    coarse[1::_COARSE, 1::_COARSE] = True
    at = np.nonzero((cover.seed >= 0) & np.where(fine, grid, coarse))
    return (at[0], at[1]), np.where(fine[at], _FINE, _COARSE)


def _splats(
    surface: Surface, colours: np.ndarray, edge: Seeds, cover: _Cover, tint: np.ndarray
) -> tuple[Splats, np.ndarray]:
    """One disc in the continued surface for each place, and the pixel of the surface."""
    at, block = _places(cover)
    seed, away, rays = cover.seed[at], cover.distance[at], surface.rays[at]
    where = np.column_stack([at[1], at[0]]) + np.float32(0.5)
    image, share = mirrored(surface, colours, edge, seed, where, _MIXED_PX)
    share = (share * (1 - (1 - _LEAST_MIRROR) * np.clip(away / _SOFTEST_PX, 0, 1)))[:, None]
    colour = tint[at] + (image - tint[at]) * share
    return continuation(surface, edge, Places(rays, seed, away, cover.depth[at], block, colour))
