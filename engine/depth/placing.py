"""Placing: a depth map of any origin in our own world, where its ground is the floor.

              ┌─► built-in metrology ─► focal length, gravity, sky, ground ─┐
photo ─► grid ┤                                                             ├─► scale ─► Placed
              └─► a depth map: of a network, or of rendered Gaussians ──────┘
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..camera import View
from ..geometry import pose
from ..progress import Progress
from .builtin import estimator as builtin
from .confidence import MOST_ERROR, SKY_ERROR, confidence_of
from .provenance import TOLD_BY, Known, Origin, source_sentence, warnings_for
from .record import DepthEstimate
from .surfaces import behind_all, normals

# The floor that the camera's height is read from.
_FLOOR_UPRIGHT = np.cos(np.radians(20))  # rise of the unit normals of a floor, at least
_LEAST_FLOOR = 0.01  # of the picture that must be floor before its distance is believed
_LEAST_DROP = 0.03  # metres that a ray to the floor falls a metre: flatter ones tell little
_LOWEST_CAMERA = 0.05  # metres above the floor: an insect's eye
_HIGHEST_CAMERA = 500.0  # metres above the floor: a drone's

# The mask of the ground, once it lies at z = 0.
_GROUND_UPRIGHT = np.cos(np.radians(12))  # rise of its unit normals, at least
_GROUND_REACH = 0.03  # part of the distance by which the ground may rise and fall
_GROUND_LEAST = 0.05  # metres by which the ground may rise and fall at any distance

# The sky must be farther than this percentage of the rest, which a white wall is not.
_SKY_BEYOND = 80

# Errors are standard deviations of depth over depth.
_UNKNOWN_ERROR = 0.25  # of a depth map that belongs to no known model
_FOCAL_ERROR = 0.12  # of a focal length that was estimated
_NO_LOG = np.float32(1e3)  # beyond the logarithm of any depth


@dataclass(frozen=True)
class Placed:
    """A depth map in our world."""

    estimate: DepthEstimate
    factor: float  # by which its metres were multiplied: 1 unless the camera's height was given


def place(
    colours: np.ndarray,
    depth: np.ndarray,
    known: Known,
    origin: Origin,
    progress: Progress | None = None,
    base: DepthEstimate | None = None,
) -> Placed:
    """Place a depth map in the world.

    Gravity is -Z, the ground z = 0, the camera above the origin looks along +Y. The ground is where
    the map's surface lies level in the pixels that metrology calls ground; its distance is the
    camera's height, or, where that height was given, fixes the scale of everything.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        depth: (H, W) float32, planar metres, of the same grid.
        known: focal length and camera height where they were given.
        origin: the maker of the depth.
        progress: told 0..1, where metrology is still to be done.
        base: the built-in estimate of the same picture, where it was made already.
    """
    base = base or builtin.measure(
        colours,
        known.focal,
        known.focal_from,
        known.camera_height,
        progress or Progress(),
    )

    # The ground tells the camera's height in the map's metres, and so their scale.
    floor = floor_height(base, depth)
    factor = _scale(known, floor)
    height = known.camera_height or floor or float(base.view.position[2])
    view = _raised(base.view, height)
    depth = depth * np.float32(factor)

    # The sky is metrology's, unless the map shows that it is something near.
    sky = real_sky(base.sky, depth, origin)
    depth = behind_all(depth, sky)

    estimate = _record(view, depth, sky, origin, known)
    estimate = replace(
        estimate,
        source=source_sentence(origin, known, height, floor),
        warnings=warnings_for(origin, known, base.sky, factor),
    )
    return Placed(estimate, factor)


def _scale(known: Known, floor: float | None) -> float:
    """Return the factor that brings the floor to the camera height that was given, if both are."""
    if known.camera_height and floor:
        return known.camera_height / floor
    return 1.0


def _raised(view: View, height: float) -> View:
    """Move a camera to a height above the origin, metres; it keeps its rotation."""
    rotation = view.world_from_camera[:3, :3]
    position = np.array([0.0, 0.0, height])
    return replace(view, world_from_camera=pose(rotation, position))


def _record(
    view: View,
    depth: np.ndarray,
    sky: np.ndarray,
    origin: Origin,
    known: Known,
) -> DepthEstimate:
    """Derive the maps of an estimate, which has no source and no warnings yet, from its depth.

    Args:
        view: of the maps, in the world.
        depth: (H, W) float32, metres.
        sky: (H, W) bool.
        origin: the maker of the depth.
        known: focal length and camera height where they were given.
    """
    normal = normals(view, depth)
    relative = relative_error(depth, sky, origin, known)
    uncertainty = relative * depth
    return DepthEstimate(
        view=view,
        depth=depth,
        uncertainty=uncertainty.astype(np.float32),
        confidence=confidence_of(relative, sky),
        normal=normal,
        sky=sky,
        ground=_ground(view, depth, normal, sky),
        source="",
    )


def _ground(view: View, depth: np.ndarray, normal: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Mark the level surfaces (H, W) near z = 0; farther away they may rise and fall more."""
    points = view.unproject(depth)  # [H, W, 3], metres, world
    rise = np.abs(points[..., 2])
    allowed = np.maximum(_GROUND_REACH * depth, _GROUND_LEAST)
    is_near = rise < allowed
    is_level = normal[..., 2] > _GROUND_UPRIGHT
    return is_near & is_level & ~sky


def floor_height(base: DepthEstimate, depth: np.ndarray) -> float | None:
    """Measure how far below the camera a depth map has its floor.

    Only pixels that metrology calls ground and where the map's own surface is level are measured:
    a table or a hedge that stands where ground was assumed does not count.

    Args:
        base: the built-in estimate.
        depth: (H, W) planar metres, of the same grid.

    Returns:
        Metres; None where the floor is too small or its height absurd.
    """
    rotation = base.view.world_from_camera[:3, :3]
    rays = base.view.rays() @ rotation.T  # [H, W, 3], world, one metre of planar depth long
    drop = -rays[..., 2]
    looks_down = drop > _LEAST_DROP
    normal = normals(base.view, depth)
    is_level = normal[..., 2] > _FLOOR_UPRIGHT
    floor = base.ground & is_level & looks_down
    if floor.mean() < _LEAST_FLOOR:
        return None
    heights = depth * drop
    height = float(np.median(heights[floor]))
    if not _LOWEST_CAMERA <= height <= _HIGHEST_CAMERA:
        return None
    return height


def real_sky(sky: np.ndarray, depth: np.ndarray, origin: Origin) -> np.ndarray:
    """Keep a sky that the depth map does not contradict by seeing it nearer than most of the rest.

    Args:
        sky: (H, W) bool.
        depth: (H, W) metres.
        origin: the maker of the depth; a model for rooms knows no sky.

    Returns:
        (H, W) bool: the sky, or none.
    """
    no_sky = np.zeros_like(sky)
    if origin.is_for_rooms:
        return no_sky
    if not sky.any() or sky.all():
        return sky
    sky_depth = float(np.median(depth[sky]))
    rest_depth = float(np.percentile(depth[~sky], _SKY_BEYOND))
    return sky if sky_depth >= rest_depth else no_sky


def relative_error(depth: np.ndarray, sky: np.ndarray, origin: Origin, known: Known) -> np.ndarray:
    """Estimate one standard deviation of each pixel's depth over its depth.

    It is the model's usual error, what a guessed focal length adds, and at edges half of the depth
    jump within a pixel: the network's coarser grid cannot say to which side a pixel there belongs.

    Args:
        depth: (H, W) float32, metres.
        sky: (H, W) bool.
        origin: the maker of the depth.
        known: focal length and camera height where they were given.

    Returns:
        (H, W) float32, at most 1.
    """
    jump = 0.5 * _jump(depth, sky)
    usual = origin.card.error if origin.card else _UNKNOWN_ERROR
    is_focal_known = known.focal is not None and known.focal_from != TOLD_BY
    focal = 0.0 if is_focal_known else _FOCAL_ERROR
    total = np.sqrt(usual**2 + focal**2 + jump**2)
    total = np.minimum(total, MOST_ERROR)
    return np.where(sky, SKY_ERROR, total).astype(np.float32)


def _jump(depth: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Measure the range (H, W) of log depth among each pixel and its eight neighbours.

    The sky is left out: its edge is the picture's, not the network's.
    """
    log_depth = np.log(depth).astype(np.float32)
    without_sky = np.where(sky, -_NO_LOG, log_depth)
    square = np.ones((3, 3), np.uint8)
    highest = cv2.dilate(without_sky, square)
    without_sky = np.where(sky, _NO_LOG, log_depth)
    lowest = cv2.erode(without_sky, square)
    return np.maximum(highest - lowest, 0)
