"""Placing: a depth map of any origin in our own world, with its metres, our gravity, and both agreeing where the ground is.

              ┌─► built-in metrology ─► gravity, focal length, sky, ground ─┐
photo ─► grid ┤                                                             ├─► ground, height, scale ─► Placed
              └─► a depth map: of a network, or of rendered Gaussians ──────┘
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..geometry import pose
from ..models import ModelCard
from ..progress import Progress
from .builtin import estimator as builtin
from .record import DepthEstimate
from .surfaces import behind_all, normals

INDOORS_OUTSIDE = "{title} was made for rooms, and this photo shows sky: its distances are too short. Use an outdoor model."
FOCAL_UNKNOWN = "This photo does not tell its focal length, so that is estimated: widths are rough. Give it and reconstruct again."
NOT_COMMERCIAL = "The depth is by {title}, whose licence ({licence}) allows no commercial use."
SCALED = "{title} took this photo for {factor} times its size; it was scaled to the camera height that you gave."
TOLD_BY = "from the depth model"

_UPRIGHT = np.cos(np.radians(20))  # a normal that rises this steeply may be a floor's
_GROUND_UPRIGHT = np.cos(np.radians(12))  # and the placed ground's is steeper still
_LEAST_FLOOR = 0.01  # of the picture that must be floor before its distance is believed
_LEAST_DROP = 0.03  # how far a ray to the floor falls a metre: flatter ones tell the height badly
_HEIGHTS = (0.05, 500.0)  # metres: from an insect's eye to a drone's
_GROUND_REACH = 0.03  # part of the distance by which the ground may rise and fall
_GROUND_LEAST = 0.05  # metres by which the ground may rise and fall at least
_SKY_BEYOND = 80  # percent of what is no sky that must be nearer than what is; a white wall is not
_SKY_ERROR = 0.5  # relative: the sky's distance is unknown
_SKY_CONFIDENCE = 0.6  # but at that distance it moves no pixel
_SKY_SHARE = 0.1  # of the picture: a room's window has less
_UNKNOWN_ERROR = 0.25  # relative, of a depth map that belongs to no known model
_FOCAL_ERROR = 0.12  # relative, of a focal length that was estimated
_HALF = 0.35  # relative error at which confidence is one half, as the built-in estimate has it
_MOST_ERROR = 1.0
_NO_LOG = np.float32(1e3)  # beyond the logarithm of any depth
_SCALE_SURPRISE = 1.5  # a correction by more is worth a sentence


@dataclass(frozen=True)
class Origin:
    """Who made a depth map."""

    title: str  # as people call it
    card: (
        ModelCard | None
    )  # of a model that is known by name: its usual error, its licence, the place it was made for


@dataclass(frozen=True)
class Known:
    """What is known of the photo before anything is estimated."""

    focal: float | None  # pixels of the grid
    focal_from: str
    camera_height: float | None  # metres


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
    """Place a depth map in the world: gravity is -Z, the ground z = 0, the camera above the origin looks along +Y.

    The ground is where the map's surface lies level under what metrology calls ground; its distance is the camera's
    height, or, where that height was given, fixes the scale of everything.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        depth: (H, W) float32, planar metres, of the same grid.
        known: focal length and camera height where they were given.
        origin: whose depth it is.
        progress: told 0..1, where metrology is still to be done.
        base: the built-in estimate of the same picture, where it was made already.
    """
    base = base or builtin.measure(
        colours, known.focal, known.focal_from, known.camera_height, progress or Progress()
    )
    floor = floor_height(base, depth)
    factor = known.camera_height / floor if known.camera_height and floor else 1.0
    height = known.camera_height or floor or float(base.view.position[2])
    depth = depth * np.float32(factor)
    view = replace(
        base.view,
        world_from_camera=pose(base.view.world_from_camera[:3, :3], np.array([0.0, 0.0, height])),
    )
    sky = real_sky(base.sky, depth, origin)
    depth = behind_all(depth, sky)
    normal = normals(view, depth)
    rises = np.abs(view.unproject(depth)[..., 2]) < np.maximum(_GROUND_REACH * depth, _GROUND_LEAST)
    relative = relative_error(depth, sky, origin, known)
    estimate = DepthEstimate(
        view=view,
        depth=depth,
        uncertainty=(relative * depth).astype(np.float32),
        confidence=np.where(sky, _SKY_CONFIDENCE, 1 / (1 + (relative / _HALF) ** 2)).astype(
            np.float32
        ),
        normal=normal,
        sky=sky,
        ground=rises & (normal[..., 2] > _GROUND_UPRIGHT) & ~sky,
        source=_source(origin, known, height, floor),
        warnings=_warnings(origin, known, base.sky, factor),
    )
    return Placed(estimate, factor)


def floor_height(base: DepthEstimate, depth: np.ndarray) -> float | None:
    """How far below the camera a depth map has its floor, metres; None where it has none that could be told.

    Asked are the pixels that metrology calls ground, where the map's own surface is level: so a table or a hedge that
    stands where ground was assumed has no say.
    """
    drop = -(base.view.rays() @ base.view.world_from_camera[:3, :3].T)[..., 2]
    level = normals(base.view, depth)[..., 2] > _UPRIGHT
    asked = base.ground & level & (drop > _LEAST_DROP)
    if asked.mean() < _LEAST_FLOOR:
        return None
    height = float(np.median((depth * drop)[asked]))
    return height if _HEIGHTS[0] <= height <= _HEIGHTS[1] else None


def real_sky(sky: np.ndarray, depth: np.ndarray, origin: Origin) -> np.ndarray:
    """The sky (H, W) bool that the network does not contradict by seeing it nearer than most of the rest."""
    if not sky.any() or sky.all() or (origin.card and origin.card.place == "indoors"):
        return sky & (origin.card is None or origin.card.place != "indoors")
    far = float(np.median(depth[sky])) >= float(np.percentile(depth[~sky], _SKY_BEYOND))
    return sky if far else np.zeros_like(sky)


def relative_error(depth: np.ndarray, sky: np.ndarray, origin: Origin, known: Known) -> np.ndarray:
    """One standard deviation of each pixel's depth over its depth, (H, W) float32, at most 1.

    The model's usual error, what a guessed focal length adds, and at edges half of what the depth jumps within a pixel:
    there the network's coarser grid cannot say to which side a pixel belongs.
    """
    logs, kernel = np.log(depth).astype(np.float32), np.ones((3, 3), np.uint8)
    # The sky has no say: its edge is the picture's, not the network's.
    highest, lowest = (
        cv2.dilate(np.where(sky, -_NO_LOG, logs), kernel),
        cv2.erode(np.where(sky, _NO_LOG, logs), kernel),
    )
    jump = 0.5 * np.maximum(highest - lowest, 0)
    usual = origin.card.error if origin.card else _UNKNOWN_ERROR
    focal = 0.0 if known.focal is not None and known.focal_from != TOLD_BY else _FOCAL_ERROR
    total = np.sqrt(usual**2 + focal**2 + jump**2)
    return np.where(sky, _SKY_ERROR, np.minimum(total, _MOST_ERROR)).astype(np.float32)


def _source(origin: Origin, known: Known, height: float, floor: float | None) -> str:
    """How it was measured, for people."""
    stand = (
        "given" if known.camera_height else "as the model sees the ground" if floor else "assumed"
    )
    focal = known.focal_from if known.focal is not None else "estimated"
    return f"{origin.title}: focal length {focal}, camera {height:.2g} m up ({stand})"


def _warnings(origin: Origin, known: Known, sky: np.ndarray, factor: float) -> tuple[str, ...]:
    """What the artist should be told."""
    found = []
    card, title = origin.card, origin.title
    if card and not card.commercial:
        found.append(NOT_COMMERCIAL.format(title=title, licence=card.licence))
    if card and card.place == "indoors" and sky.mean() > _SKY_SHARE:
        found.append(INDOORS_OUTSIDE.format(title=title))
    if known.focal is None:
        found.append(FOCAL_UNKNOWN)
    if not 1 / _SCALE_SURPRISE < factor < _SCALE_SURPRISE:
        found.append(SCALED.format(title=title, factor=f"{1 / factor:.2g}"))
    return tuple(found)
