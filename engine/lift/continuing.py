"""A surface continued beyond what the photo shows of it, behind an edge or outside the frame.

Its plane and its colour go on. The splats are marked as not photographed, and their confidence
falls with the distance from where the surface ends.
"""

from dataclasses import dataclass

import numpy as np

from ..depth import DepthEstimate
from ..splats.record import HIDDEN_LAYER, Splats
from .discs import disc_splats, discs
from .edges import EDGE_STEP, offsets_around
from .surface import Surface, slopes
from .vectors import dot, length, rotation_of, row_dot, unit

# Confidence where the continuation begins, of that of the surface continued.
MOST_CONFIDENCE = 0.3

# Confidence where the continuation ends, of that where it begins.
LEAST_CONFIDENCE = 0.2

# Pixels by which a surface is continued farther than a move shows.
SPARE_PX = 3.0

# Longest continuation behind a silhouette, of the picture's longer side.
FARTHEST = 0.35

# Part of the depth by which the continuation lies behind the surface.
_GAP = 0.002

# Where the continuation and the surface's own splats overlap, it lies deeper by so many pixels of
# slant, so that it does not show through them ...
_PUSH_PX = 5.0
# ... and by at most this part of the depth.
_MOST_PUSH = 0.15

# Distance from the edge over which that push fades, pixels ...
_OVERLAP_PX = 8.0
# ... or blocks, where those are larger: a coarse splat reaches farther back.
_OVERLAP_BLOCKS = 3.0

# Least cosine between two normals of one surface.
_SAME_WAY = 0.7

# Largest distance in log depth of a pixel from a plane that it belongs to.
_SAME_PLANE = 0.2

# Difference in log depth at which the mirror image of a texture is no longer used: as much nearer
# or farther it was photographed at another scale.
_SAME_SCALE = 0.3

# A plane is continued to at most so many times the depth of its edge ...
_MOST_FARTHER = 2.0
# ... and to at least its depth divided by this.
_MOST_NEARER = 4.0

# Least cosine between a plane's normal and the ray to its edge; with less it is seen edge on.
_EDGE_ON = 1e-3

# Standard deviation of a splat, of its block's side: four of them cover 0.97 where they meet.
_SIGMA = 0.75

# Weight of the edge pixel itself in the mean of a band: it counts where no other pixel does.
_OWN_WEIGHT = 1e-3


@dataclass(frozen=True, eq=False)
class Seeds:
    """The last pixels of surfaces that a move shows more of, S of them."""

    pixels: np.ndarray  # (S,) int64, flat indices
    depth: np.ndarray  # (S,) metres
    normal: np.ndarray  # (S, 3) world, mean of the band beside the edge
    colour: np.ndarray  # (S, 3) mean of the band
    shown: np.ndarray  # (S,) pixels beyond the edge that the move shows


@dataclass(frozen=True, eq=False)
class Places:
    """The places of M splats in continued surfaces."""

    rays: np.ndarray  # (M, 3) camera frame, z = 1
    seed: np.ndarray  # (M,) index of the seed whose surface each continues
    distance: np.ndarray  # (M,) pixels beyond the edge
    depth: np.ndarray  # (M,) metres, of the continued plane
    block: np.ndarray  # (M,) pixels a side of the block that each splat covers
    colour: np.ndarray  # (M, 3)


def scene_depth(estimate: DepthEstimate) -> float:
    """Return the median depth of a scene without its sky, metres."""
    depth = estimate.depth
    solid = depth[~estimate.sky]
    return float(np.median(solid if solid.size else depth))


def band(
    surface: Surface,
    colours: np.ndarray,
    pixels: np.ndarray,
    reach: int,
    step: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Average normals and colours of the surface around each of its pixels.

    A single pixel at an edge is noisy, and mixed with what is before it.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.
        pixels: (S,) flat indices.
        reach: pixels around each, in rows and columns, that may count.
        step: pixels between two of them.

    Returns:
        Unit normals (S, 3) and colours (S, 3), float32.
    """
    depth = surface.estimate.depth
    normals = surface.estimate.normal
    height, width = depth.shape
    rows, columns = np.divmod(pixels, width)
    own_log_depth = np.log(depth[rows, columns])
    own_normal = normals[rows, columns]
    slope = surface.slope()[rows, columns]

    normal_sum = own_normal * _OWN_WEIGHT
    colour_sum = colours[rows, columns] * _OWN_WEIGHT
    weight_sum = np.full((len(pixels), 1), _OWN_WEIGHT, np.float32)
    for down, right in offsets_around(reach, step):
        at = (
            np.clip(rows + down, 0, height - 1),
            np.clip(columns + right, 0, width - 1),
        )
        # A pixel is of the same surface if the slant explains its depth and it faces the same way.
        change = np.log(depth[at]) - own_log_depth
        explained = np.hypot(down, right) * slope
        cosine = row_dot(normals[at], own_normal)
        is_same = np.abs(change) < EDGE_STEP + explained
        is_same &= cosine > _SAME_WAY
        weight = is_same[:, None].astype(np.float32)
        normal_sum += weight * normals[at]
        colour_sum += weight * colours[at]
        weight_sum += weight

    normal = unit(normal_sum).astype(np.float32)
    colour = (colour_sum / weight_sum).astype(np.float32)
    return normal, colour


def inverse_planes(surface: Surface, seeds: Seeds) -> np.ndarray:
    """Return the seeds' planes in the camera's frame, scaled.

    The product of such a plane with a ray is the inverse depth along that ray, in units of the
    seed's own: with the seed's own ray it is 1.

    Returns:
        (S, 3) float32.
    """
    normals_in_camera = seeds.normal @ rotation_of(surface.estimate.view)
    own_rays = surface.rays.reshape(-1, 3)[seeds.pixels]
    own = dot(normals_in_camera, own_rays)  # (S, 1), negative: normals face the camera
    return normals_in_camera / np.minimum(own, -_EDGE_ON)


def continued(
    seeds: Seeds,
    planes: np.ndarray,
    seed: np.ndarray,
    rays: np.ndarray,
) -> np.ndarray:
    """Compute the depths of the seeds' planes along rays, kept within a factor of the seeds' own.

    Args:
        seeds: ends of surfaces.
        planes: (S, 3) of `inverse_planes`.
        seed: (M,) index of the seed of each ray.
        rays: (M, 3) camera frame, z = 1.

    Returns:
        (M,) metres.
    """
    inverse_depth = row_dot(planes[seed], rays)
    inverse_depth = np.clip(
        inverse_depth,
        1 / _MOST_FARTHER,
        _MOST_NEARER,
    )
    return seeds.depth[seed] / inverse_depth


def mirrored(
    surface: Surface,
    colours: np.ndarray,
    seeds: Seeds,
    seed: np.ndarray,
    at: np.ndarray,
    skipped: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Look up the colours as far inside a surface's edge as places lie beyond it.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3).
        seeds: the edge.
        seed: (M,) index of the seed that each place continues.
        at: (M, 2) the places, x and y in pixels.
        skipped: pixels beside the edge that are left out, for there two surfaces' colours are
            mixed.

    Returns:
        Colours (M, 3), and how well they suit the place (M,), 0..1. It is 0 where they are not of
        the plane that is continued, or so much nearer or farther that they have another scale.
    """
    estimate = surface.estimate
    height, width = estimate.depth.shape
    pixels = seeds.pixels[seed]
    edge_rows, edge_columns = np.divmod(pixels, width)
    edge = np.column_stack([edge_columns, edge_rows]) + 0.5  # (M, 2)

    # The mirror lies at the edge; with `skipped` the image begins so much farther inside.
    beyond = at - edge
    distance = np.maximum(length(beyond), 1)
    inside = edge - beyond * (1 + skipped / distance)
    last_pixel = [width - 1, height - 1]
    inside = np.clip(inside, 0, last_pixel)
    columns, rows = inside.astype(int).T
    image = rows, columns

    # The image must be of the same plane: as deep as that is there, and facing the same way.
    planes = inverse_planes(surface, seeds)
    rays = surface.rays[image]
    expected_depth = continued(seeds, planes, seed, rays)
    deviation = np.log(estimate.depth[image] / expected_depth)
    is_same = np.abs(deviation) < _SAME_PLANE
    normal = estimate.normal[image]
    cosine = row_dot(normal, seeds.normal[seed])
    is_same &= cosine > _SAME_WAY

    # Its texture has the scale of its own depth.
    seed_depth = seeds.depth[seed]
    change = np.abs(np.log(expected_depth / seed_depth))
    suits = np.clip(1 - change / _SAME_SCALE, 0, 1)
    suits = np.where(is_same, suits, 0)
    return colours[image], suits


def continuation(
    surface: Surface,
    seeds: Seeds,
    places: Places,
) -> tuple[Splats, np.ndarray]:
    """Make one disc in the continued surface for each place.

    Returns:
        The splats, and (M,) the pixel (flat index) whose surface each continues.
    """
    view = surface.estimate.view
    seed = places.seed
    normal = seeds.normal[seed]
    rotations, stretch = discs(view, places.rays, normal)

    push = _push(surface, places, normal)
    depth = places.depth * (1 + push)
    in_camera = places.rays * depth[:, None]  # (M, 3), metres
    rotation = view.world_from_camera[:3, :3]
    points = in_camera @ rotation.T + view.position
    sigma = _SIGMA * places.block  # pixels
    footprint = sigma / view.fx * depth  # metres

    # The farther a move must go to show a place, the less is known of it.
    end = seeds.shown[seed] + SPARE_PX
    way = np.clip(places.distance / end, 0, 1)
    fall = 1 - (1 - LEAST_CONFIDENCE) * way
    pixels = seeds.pixels[seed]
    own_confidence = surface.estimate.confidence.ravel()[pixels]
    splats = disc_splats(
        points=points,
        rotations=rotations,
        stretch=stretch,
        footprint=footprint,
        colours=places.colour,
        confidence=MOST_CONFIDENCE * own_confidence * fall,
        origin=HIDDEN_LAYER,
    )
    return splats, pixels


def _push(surface: Surface, places: Places, normal: np.ndarray) -> np.ndarray:
    """Return the part of its depth (M,) by which each place lies behind its plane."""
    overlap_blocks = _OVERLAP_BLOCKS * places.block  # pixels
    overlap_px = np.maximum(_OVERLAP_PX, overlap_blocks)
    overlap = np.clip(1 - places.distance / overlap_px, 0, 1)
    slope = slopes(surface.estimate.view, places.rays, normal)
    slant = np.minimum(slope * _PUSH_PX, _MOST_PUSH)
    return _GAP + slant * overlap
