"""The situation of a photo: its camera's pose and height, and whether it was taken in a room."""

from dataclasses import dataclass

import cv2
import numpy as np

from ...camera import View
from ...geometry import pose as pose_matrix
from ..record import DEFAULT_CAMERA_HEIGHT
from . import fusion, network
from .pose import Pose
from .prediction import Prediction, predict
from .trust import Trust

SMALL_SIDE = 256  # pixels of the longer side for all that is decided from colours
_LEAST_SMALL_SIDE = 8  # pixels of the shorter one, however long the picture is

_INDOOR_HEIGHT = 1.3  # metres: the median of indoor photos with measured depth
_HIGHEST_INDOORS = 8.0  # metres: no camera is held higher in a room

# Without sky, greenery or a look upwards (at a facade) still means outdoors.
_GREEN = 0.03  # by which green exceeds red and blue in foliage; colours are 0..1
_GREENERY_SHARE = 0.04  # of the picture
_UPWARD = np.radians(8)  # radians, of the camera's pitch


@dataclass(frozen=True, eq=False)
class Situation:
    """Camera and surroundings of a photo, known before its surfaces are measured."""

    pose: Pose
    prediction: Prediction | None  # None without the network's weights
    indoors: bool
    camera_height: float  # metres above the ground
    height_given: bool  # False where the camera's height was assumed
    view: View  # posed at that height
    trust: Trust


def small_picture(colours: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) at a few hundred pixels, clipped to 0..1."""
    height, width = colours.shape[:2]
    scale = min(1.0, SMALL_SIDE / max(height, width))
    small_width = max(_LEAST_SMALL_SIDE, round(width * scale))
    small_height = max(_LEAST_SMALL_SIDE, round(height * scale))
    small = cv2.resize(colours, (small_width, small_height), interpolation=cv2.INTER_AREA)
    return np.clip(small, 0, 1)


def find_situation(
    colours: np.ndarray,
    small_colours: np.ndarray,
    pose: Pose,
    given_height: float | None,
) -> Situation:
    """Decide the camera's height and surroundings, and correct its pose by the network.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        small_colours: (h, w, 3) float32, the same at a few hundred pixels.
        pose: from lines and colours.
        given_height: metres of the camera above the ground, or None.
    """
    prediction = None
    if network.available():
        # The network sees rays and gravity; the camera's height is its unit, so any will do.
        unit_view = _view(pose, 1.0)
        prediction = predict(colours, unit_view, pose.gravity.trusted)
        pose = fusion.corrected(pose, prediction, colours)

    # No look of a room counts if the camera was said to be higher than any ceiling.
    too_high = (given_height or 0) >= _HIGHEST_INDOORS
    indoors = not too_high and _looks_indoors(pose, small_colours, prediction)
    usual_height = _INDOOR_HEIGHT if indoors else DEFAULT_CAMERA_HEIGHT
    camera_height = given_height or usual_height
    return Situation(
        pose=pose,
        prediction=prediction,
        indoors=indoors,
        camera_height=camera_height,
        height_given=bool(given_height),
        view=_view(pose, camera_height),
        trust=Trust.of(pose, indoors, given_height),
    )


def _looks_indoors(
    pose: Pose,
    small_colours: np.ndarray,
    prediction: Prediction | None,
) -> bool:
    """Tell whether a photo was taken in a room."""
    red, green, blue = np.moveaxis(small_colours, -1, 0)  # each [h, w]
    is_green = green - np.maximum(red, blue) > _GREEN
    has_greenery = is_green.mean() > _GREENERY_SHARE
    looks_upward = pose.gravity.trusted and pose.gravity.pitch > _UPWARD
    shows_outdoors = pose.sky.any() or looks_upward or has_greenery
    if prediction is None:
        return not shows_outdoors
    return fusion.indoors(prediction, not shows_outdoors)


def _view(pose: Pose, camera_height: float) -> View:
    """Return the grid's camera, above the origin."""
    height, width = pose.sky.shape
    position = np.array([0.0, 0.0, camera_height])
    world_from_camera = pose_matrix(pose.gravity.rotation, position)
    return View(
        pose.focal,
        pose.focal,
        width / 2,
        height / 2,
        width,
        height,
        world_from_camera,
    )
