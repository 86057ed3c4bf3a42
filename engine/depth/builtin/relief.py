"""The network's depth at a picture's size, in metres, without sky and with its ground in place."""

from dataclasses import dataclass

import cv2
import numpy as np

from ...camera import View
from .enlarge import beside_steps, enlarge
from .prediction import Prediction
from .resampling import averaged, interpolated

_STEP = 0.35  # in log depth, between cells of one window: more is a silhouette, not a slope
# In log depth, a cell's distance from the mean of its neighbours: more is a silhouette too.
_BEND = 0.0875
_FADE = 1.0  # cells: standard deviation with which the neighbourhood of a silhouette ends
_SOME_SKY = 0.2  # probability: a cell with more is partly sky
_SKYLINE = 7  # cells a side of the window about a cell beside sky
_LEAST_UP = 1e-6  # least descent of a ray of unit depth, so that its logarithm is finite
_LEVEL = 0.85  # cosine to the vertical above which a surface is level enough to be ground
_MOST_OFFSET = 0.6  # log units; a surface that is farther off the ground's plane is no ground
_LEAST_FLOOR = 0.03  # share of the picture; with less ground the median offset is chance


@dataclass(frozen=True, eq=False)
class Relief:
    """The network's depth at a picture's size (H, W), sharp and smooth, in log metres.

    The sharp one has silhouettes where the picture has edges; the smooth one is interpolated.
    """

    prediction: Prediction
    sharp_log_depth: np.ndarray  # (H, W) float32, log of planar metres
    smooth_log_depth: np.ndarray  # (H, W) float32, log of planar metres
    edge_nearness: np.ndarray  # (H, W) float32, 0 far from silhouettes .. 1 at one


def relief_of(
    prediction: Prediction,
    view: View,
    colours: np.ndarray,
    sky: np.ndarray,
    lock: float,
) -> Relief:
    """Scale a prediction to metres and enlarge it to a picture's size.

    Sky cells take the depth of the nearest other cell, so that enlarging does not mix the far
    depth of the sky into the things before it.

    Args:
        prediction: on the network's grid (h, w).
        view: of the picture, posed over z = 0.
        colours: (H, W, 3) float32, sRGB-encoded: silhouettes are drawn where its edges are.
        sky: (H, W) bool; cells that the network takes for sky are added to it.
        lock: 0..1, share that is taken away of the offset between the ground as predicted and the
            ground plane z = 0 of the view.
    """
    # Metres: the network's unit is the camera's height.
    offset = np.float32(lock * _ground_offset(prediction, view))
    log_height = np.float32(np.log(view.position[2]))
    log_depth = _without_sky(prediction, sky) + offset
    log_depth += log_height

    size = view.width, view.height
    smooth = interpolated(log_depth, size)
    sharp = enlarge(log_depth, colours)

    # The neighbourhood of silhouettes fades out over a cell or two.
    silhouettes = beside_steps(log_depth, _STEP, _BEND)
    neighbours = np.ones((3, 3), np.uint8)
    near = cv2.dilate(silhouettes, neighbours).astype(np.float32)
    faded = cv2.GaussianBlur(near, (0, 0), _FADE)
    edge_nearness = interpolated(faded, size)

    return Relief(prediction, sharp, smooth, edge_nearness)


def _without_sky(prediction: Prediction, sky: np.ndarray) -> np.ndarray:
    """Return log depth (h, w) in which each sky cell takes the nearest other cell's value.

    Args:
        prediction: its sky counts.
        sky: (H, W) bool, at the picture's size; counts too.
    """
    log_depth = prediction.log_depth
    height, width = log_depth.shape
    share = averaged(sky.astype(np.float32), (width, height))
    is_sky = np.maximum(prediction.sky, share) > _SOME_SKY  # (h, w)
    if is_sky.all() or not is_sky.any():
        return log_depth

    # The network draws a skyline's last cells between thing and sky. They take the least depth of
    # the window about them, which is the thing's.
    sky_mask = is_sky.astype(np.uint8)
    window = np.ones((_SKYLINE, _SKYLINE), np.uint8)
    no_sky = np.where(sky_mask, np.float32(np.inf), log_depth)
    nearest = cv2.erode(no_sky, window)
    beside_sky = cv2.dilate(sky_mask, window) > 0
    things = np.where(beside_sky, nearest, log_depth)

    # Each cell bears the label of the nearest cell that is no sky, and takes that cell's value.
    _, labels = cv2.distanceTransformWithLabels(
        sky_mask,
        cv2.DIST_L2,
        5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    value_of_label = np.zeros(labels.max() + 1, np.float32)
    thing_labels = labels[~is_sky]
    value_of_label[thing_labels] = things[~is_sky]
    return value_of_label[labels]


def _ground_offset(prediction: Prediction, view: View) -> float:
    """Return by how much the true ground's log depth exceeds the predicted one's.

    It is the median over the cells of the ground; 0 where the network sees too little of it.
    """
    log_depth = prediction.log_depth
    height, width = log_depth.shape
    up = view.world_from_camera[2, :3]
    rays = view.resized(width, height).rays()  # (h, w, 3), camera frame, of unit depth
    climb = rays @ up  # (h, w), rise of a ray at unit depth
    descent = np.maximum(-climb, _LEAST_UP)
    # On the ground, depth over the camera's height is one over the descent.
    ground_log_depth = -np.log(descent)
    offset = ground_log_depth - log_depth

    below_horizon = climb < 0
    uprightness = prediction.normal @ up  # (h, w), cosine
    level = uprightness > _LEVEL
    near_plane = np.abs(offset) < _MOST_OFFSET
    floor = below_horizon & level & near_plane
    if floor.mean() <= _LEAST_FLOOR:
        return 0.0
    return float(np.median(offset[floor]))
