"""The evidence of a picture along each azimuth: where its ground ends, where its things stand.

The ground is read as a polar map, azimuth by distance.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...camera import View

AZIMUTHS = 96  # rows of the polar map
_MOST_AZIMUTH = 1.3  # radians to either side of straight ahead
_MODERATE_SLOPE = 0.5  # of a ray: steeper ones show floor or sky, and turn fast

# Weights of the energy, picked on photos with measured depth.
_EVIDENCE = 0.08  # of a pixel's log odds of ground: neighbours repeat each other's evidence
_EDGE = 0.5  # of a level edge at the contact, 0..1: surfaces meet the ground along one

_LEAST_PROBABILITY = 0.03  # of ground: colours are never surer than this of the contrary
_MOST_PROBABILITY = 0.97  # of ground: colours are never surer than this
_REFERENCE_WIDTH = 256  # pixels; evidence is counted as in a picture of this width
_MOST_PIXELS = 6  # of that picture, that one step of distance may count for

# Which pixels of a depth map show something upright.
_LEAST_RISE = 0.3  # camera heights above the ground
_MOST_SLOPE = 1.0  # of a ray: steeper ones show ceilings and branches
_MOST_LEVEL = 0.5  # of a unit normal's upright part: surfaces with more lie rather than stand
_LEAST_PIXELS = 6  # of an azimuth: with fewer it shows too little
_GUESS_SHARE = 0.6  # of a network's distance against the usual one, in logarithms


@dataclass(frozen=True, eq=False)
class Directions:
    """The directions of a picture's pixels in the world."""

    azimuth: np.ndarray  # (H, W) radians from +Y towards +X
    run: np.ndarray  # (H, W) length along the ground, metres for a metre of depth
    rise: np.ndarray  # (H, W) upwards, metres for a metre of depth
    slope: np.ndarray  # (H, W) rise over run

    @classmethod
    def of(cls, view: View) -> "Directions":
        """Compute the directions of a view's pixels."""
        world_from_camera = view.world_from_camera[:3, :3]
        rays = view.rays() @ world_from_camera.T  # (H, W, 3), of unit depth
        right = rays[..., 0]
        ahead = rays[..., 1]
        rise = rays[..., 2]
        run = np.hypot(right, ahead)
        return cls(
            azimuth=np.arctan2(right, ahead),
            run=run,
            rise=rise,
            slope=rise / run,
        )


def azimuths_of(directions: Directions) -> np.ndarray:
    """Return azimuths (A,), evenly over what a picture shows at moderate slope."""
    moderate = np.abs(directions.slope) < _MODERATE_SLOPE
    if not moderate.any():
        moderate = np.ones_like(moderate)
    seen = directions.azimuth[moderate]
    leftmost = seen.min()
    rightmost = seen.max()
    first = max(leftmost, -_MOST_AZIMUTH)
    last = min(rightmost, _MOST_AZIMUTH)
    return np.linspace(first, last, AZIMUTHS)


def guided_by_depth(
    usual: np.ndarray,
    depth: np.ndarray,
    directions: Directions,
    azimuths: np.ndarray,
    height: float,
    sky: np.ndarray,
) -> np.ndarray:
    """Move the usual distances towards those at which a depth map has upright things.

    Args:
        usual: (A,) log of distance along the ground, metres.
        depth: (H, W) planar metres, a network's.
        directions: of its pixels.
        azimuths: (A,) radians.
        height: of the camera, metres.
        sky: (H, W) bool: does not count.

    Returns:
        (A,) log of distance; as it was for azimuths that show too little.
    """
    distance = depth * directions.run  # (H, W), metres along the ground
    log_distance = np.log(distance)
    above_ground = height + depth * directions.rise  # (H, W), metres

    stands = above_ground > _LEAST_RISE * height
    moderate = directions.slope < _MOST_SLOPE
    upright = ~sky & stands & moderate

    # Each azimuth takes the median of its own pixels and its two neighbours'.
    index = _nearest(directions.azimuth, azimuths)
    moved = usual.copy()
    for i in range(len(azimuths)):
        nearby = np.abs(index - i) <= 1
        pixels = upright & nearby
        distances = log_distance[pixels]
        if len(distances) >= _LEAST_PIXELS:
            difference = np.median(distances) - usual[i]
            moved[i] += _GUESS_SHARE * difference
    return moved


def facing_of(
    normals: np.ndarray,
    directions: Directions,
    azimuths: np.ndarray,
    sky: np.ndarray,
) -> np.ndarray:
    """Average the horizontal normals of the upright surfaces at each azimuth.

    Args:
        normals: (H, W, 3) unit, world, towards the camera.
        directions: of their pixels.
        azimuths: (A,) radians.
        sky: (H, W) bool: does not count.

    Returns:
        (A, 2) mean normals, x and y in the world, away from the camera; shorter than unit where
        they disagree, 0 where nothing is upright.
    """
    levelness = np.abs(normals[..., 2])
    stands = levelness < _MOST_LEVEL
    moderate = directions.slope < _MOST_SLOPE
    upright = ~sky & stands & moderate
    away = -normals[upright]  # (N, 3)
    azimuth = directions.azimuth[upright]  # (N,)
    index = _nearest(azimuth, azimuths).astype(int)

    bins = len(azimuths)
    sum_x = np.bincount(index, away[:, 0], bins)
    sum_y = np.bincount(index, away[:, 1], bins)
    sums = np.stack([sum_x, sum_y], axis=-1)
    count = np.bincount(index, minlength=bins)
    count = np.maximum(count, _LEAST_PIXELS)
    return sums / count[:, None]


def _nearest(azimuth: np.ndarray, azimuths: np.ndarray) -> np.ndarray:
    """Return the index of the nearest of evenly spaced azimuths (A,), as a float."""
    index = np.arange(len(azimuths))
    place = np.interp(azimuth, azimuths, index)
    return np.round(place)


def contact_cost(
    ground: np.ndarray,
    edges: np.ndarray,
    view: View,
    azimuths: np.ndarray,
    distances: np.ndarray,
) -> np.ndarray:
    """Compute the cost of an end of the ground at each distance along each azimuth.

    Pixels before the end should look like ground, those behind it should not; summed over a whole
    azimuth this is the log odds of the pixels before it. A level edge at the end lowers the cost.

    Args:
        ground: (H, W) float32, probability.
        edges: (H, W) float32, 0..1: strength of level edges.
        view: of the picture, posed over z = 0.
        azimuths: (A,) radians.
        distances: (K,) metres along the ground, ascending.

    Returns:
        (A, K).
    """
    pixels, inside = _cells(view, azimuths, distances)  # (A, K, 2), (A, K)
    # OpenCV counts from pixel centres.
    centred = pixels - 0.5
    places = np.where(inside[..., None], centred, 0)
    places = places.astype(np.float32)
    x, y = np.moveaxis(places, -1, 0)  # (A, K) each

    # A cell counts for as many pixels as it is high.
    row = np.where(inside, pixels[..., 1], 0)
    rows = np.abs(np.gradient(row, axis=1))
    rows = rows * _REFERENCE_WIDTH / view.width
    rows = np.minimum(rows, _MOST_PIXELS)

    # The log odds of ground, added up from the camera to each distance.
    probability = cv2.remap(ground, x, y, cv2.INTER_LINEAR)
    probability = np.clip(probability, _LEAST_PROBABILITY, _MOST_PROBABILITY)
    odds = probability / (1 - probability)
    logit = np.log(odds)
    evidence = np.where(inside, logit * rows, 0)
    before = np.cumsum(evidence, axis=1) - evidence

    # Things meet the ground along level edges.
    edge = cv2.remap(edges, x, y, cv2.INTER_LINEAR)
    edge = np.where(inside, edge, 0)
    return -_EVIDENCE * before - _EDGE * edge


def _cells(
    view: View,
    azimuths: np.ndarray,
    distances: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Project the cells of the polar map, which lie on the ground, into a picture.

    Returns:
        (A, K, 2) pixels; and (A, K) bool, True for cells that the picture shows.
    """
    right = np.sin(azimuths)
    ahead = np.cos(azimuths)
    up = np.zeros(len(azimuths))
    directions = np.stack([right, ahead, up], axis=-1)  # (A, 3), world
    points = directions[:, None] * distances[None, :, None]  # (A, K, 3), world
    pixels, depth = view.project(points)  # (A, K, 2), (A, K)

    # Points behind the camera are projected too: their depth is negative.
    size = [view.width, view.height]
    right_and_below = (pixels > 0).all(-1)
    left_and_above = (pixels < size).all(-1)
    inside = (depth > 0) & right_and_below & left_and_above
    return pixels, inside
