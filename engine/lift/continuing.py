"""A surface continued beyond where the photo shows it: its plane and its colour go on, and it is marked as not photographed."""

from dataclasses import dataclass

import numpy as np

from ..splats.record import HIDDEN_LAYER, Splats
from .edges import EDGE_STEP
from .surface import Surface, discs, slopes

MOST_CONFIDENCE = 0.3  # where it begins, of the confidence of the surface continued
LEAST_CONFIDENCE = 0.2  # of that, where the continuation ends
SPARE_PX = 3.0  # continued farther than a move shows
FARTHEST = 0.35  # of the longer side: how far a surface is continued at most
_GAP = 0.002  # part of the depth by which the continuation lies behind the surface
_PUSH_PX, _MOST_PUSH = (
    5.0,
    0.15,
)  # and so many pixels of slant where both overlap, at most this part of the depth
_OVERLAP_PX, _OVERLAP_BLOCKS = (
    8.0,
    3.0,
)  # over this distance beyond the edge, or so many of its blocks, the push fades
_SAME_WAY = 0.7  # cosine between normals of one surface
_SAME_PLANE = 0.2  # in log depth: what lies farther from a plane is not of its surface
_SAME_SCALE = 0.3  # in log depth: what is so much farther than another shows that as coarser
_MOST_FARTHER, _MOST_NEARER = (
    2.0,
    4.0,
)  # a plane is continued to so many times its depth, and to its depth over so many
_EDGE_ON = 1e-3  # cosine below which a plane is seen edge on
_SIGMA = 0.75  # of a block: 0.97 where four blocks meet
_THICKNESS = 0.15  # along the normal, of the in-surface standard deviation
_OPACITY = 0.99


@dataclass(frozen=True, eq=False)
class Seeds:
    """The last pixels of surfaces that a move shows more of, S of them."""

    pixels: np.ndarray  # (S,) int64 flat
    depth: np.ndarray  # (S,) metres
    normal: np.ndarray  # (S, 3) world, of the band beside the edge
    colour: np.ndarray  # (S, 3) of the band
    shown: np.ndarray  # (S,) pixels beyond the edge that the move shows


@dataclass(frozen=True, eq=False)
class Places:
    """Where surfaces are continued, M splats."""

    rays: np.ndarray  # (M, 3) camera frame, z = 1
    seed: np.ndarray  # (M,) which seed each continues
    distance: np.ndarray  # (M,) pixels beyond the edge
    depth: np.ndarray  # (M,) metres, of the continued plane
    block: np.ndarray  # (M,) pixels a side of what each splat stands for
    colour: np.ndarray  # (M, 3)


def band(
    surface: Surface, colours: np.ndarray, pixels: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean normals and colours (S, 3) of the surface around each of its pixels.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.
        pixels: (S,) flat indices.
        size: how many pixels around are asked, and how many lie between two of them.
    """
    depth, normals = surface.estimate.depth, surface.estimate.normal
    height, width = depth.shape
    rows, columns = np.divmod(pixels, width)
    own, slope = np.log(depth[rows, columns]), surface.slope()[rows, columns]
    normal, colour = (
        normals[rows, columns] * 1e-3,
        colours[rows, columns] * 1e-3,
    )  # the edge's own: where all else fails
    count = np.full((len(pixels), 1), 1e-3, np.float32)
    steps = range(-size[0], size[0] + 1, size[1])
    for i, j in ((i, j) for i in steps for j in steps if i or j):
        at = np.clip(rows + i, 0, height - 1), np.clip(columns + j, 0, width - 1)
        same = np.abs(np.log(depth[at]) - own) < EDGE_STEP + np.hypot(i, j) * slope
        same &= np.einsum("sk,sk->s", normals[at], normals[rows, columns]) > _SAME_WAY
        weight = same[:, None].astype(np.float32)
        normal, colour, count = (
            normal + weight * normals[at],
            colour + weight * colours[at],
            count + weight,
        )
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    return normal.astype(np.float32), (colour / count).astype(np.float32)


def inverse_planes(surface: Surface, seeds: Seeds) -> np.ndarray:
    """(S, 3) float32: the seeds' planes in the camera's frame, scaled so that their product with a seed's own ray is 1."""
    facing = seeds.normal @ surface.estimate.view.world_from_camera[:3, :3].astype(np.float32)
    own = np.sum(facing * surface.rays.reshape(-1, 3)[seeds.pixels], axis=1, keepdims=True)
    return facing / np.minimum(own, -_EDGE_ON)


def continued(seeds: Seeds, planes: np.ndarray, seed: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """(M,) depths of the seeds' planes along rays (M, 3), kept within a factor of the seeds' own."""
    inverse = np.einsum("mk,mk->m", planes[seed], rays)
    return seeds.depth[seed] / np.clip(inverse, 1 / _MOST_FARTHER, _MOST_NEARER)


def mirrored(
    surface: Surface,
    colours: np.ndarray,
    seeds: Seeds,
    seed: np.ndarray,
    at: np.ndarray,
    skipped: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """What the picture shows as far inside a surface's edge as places lie beyond it.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3).
        seeds: the edge.
        seed: (M,) which of them each place continues.
        at: (M, 2) the places, x and y in pixels.
        skipped: pixels beside the edge that are left out, for there two surfaces' colours are mixed.

    Returns:
        Colours (M, 3), and how well they stand for the place (M,), 0..1: 0 where they are not of the plane that is
        continued, or so much nearer or farther that they have another scale.
    """
    estimate = surface.estimate
    height, width = estimate.depth.shape
    pixels = seeds.pixels[seed]
    last = np.column_stack([pixels % width, pixels // width]) + 0.5
    beyond = at - last
    inside = last - beyond * (
        1 + skipped / np.maximum(np.linalg.norm(beyond, axis=1, keepdims=True), 1)
    )
    columns, rows = np.clip(inside, 0, [width - 1, height - 1]).astype(int).T
    expected = continued(seeds, inverse_planes(surface, seeds), seed, surface.rays[rows, columns])
    same = np.abs(np.log(estimate.depth[rows, columns] / expected)) < _SAME_PLANE
    same &= np.einsum("mk,mk->m", estimate.normal[rows, columns], seeds.normal[seed]) > _SAME_WAY
    scale = np.abs(np.log(expected / seeds.depth[seed]))
    return colours[rows, columns], np.where(same, np.clip(1 - scale / _SAME_SCALE, 0, 1), 0)


def continuation(surface: Surface, seeds: Seeds, places: Places) -> tuple[Splats, np.ndarray]:
    """One disc in the continued surface for each place, and (M,) the pixel (flat index) of the surface."""
    view, seed = surface.estimate.view, places.seed
    normal = seeds.normal[seed]
    rotations, stretch = discs(view, places.rays, normal)
    overlap = np.clip(
        1 - places.distance / np.maximum(_OVERLAP_PX, _OVERLAP_BLOCKS * places.block), 0, 1
    )
    push = _GAP + np.minimum(slopes(view, places.rays, normal) * _PUSH_PX, _MOST_PUSH) * overlap
    depth = places.depth * (1 + push)
    footprint = _SIGMA * places.block / view.fx * depth
    pixels = seeds.pixels[seed]
    fall = 1 - (1 - LEAST_CONFIDENCE) * np.clip(
        places.distance / (seeds.shown[seed] + SPARE_PX), 0, 1
    )
    splats = Splats(
        positions=(places.rays * depth[:, None]) @ view.world_from_camera[:3, :3].T + view.position,
        scales=np.stack([footprint * stretch, footprint, footprint * _THICKNESS], axis=-1),
        rotations=rotations,
        opacities=np.full(len(seed), _OPACITY),
        colors=places.colour,
        confidence=MOST_CONFIDENCE * surface.estimate.confidence.ravel()[pixels] * fall,
        region=np.full(len(seed), -1),
        origin=np.full(len(seed), HIDDEN_LAYER),
    )
    return splats, pixels
