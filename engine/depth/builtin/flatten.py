"""Walls made flat: what network and planes agree on as nearly a plane becomes one.

The network's normals are steadier than its depth: they tell which points are of one wall, and a plane through their depth is
the wall. What stands off it (a balcony, a lantern) stays as it is.
"""

import cv2
import numpy as np

from ...camera import View
from ...planes import belonging, find_planes, on_cells
from .prediction import Prediction

_MOST = 9  # planes
_OFF = 0.1, 0.2  # logarithms: what is so far from its plane begins to be, and is, no part of it
_FREE = 0.5  # share of a cell that is neither sky nor ground
_BORDER = 1.0  # cells: standard deviation with which a plane ends where none begins
_GRAZING = 1e-6


def flattened(
    view: View, depth: np.ndarray, ground: np.ndarray, sky: np.ndarray, said: Prediction
) -> tuple[np.ndarray, np.ndarray]:
    """Put what is nearly flat on its planes.

    Args:
        view: of the grid, posed over z = 0.
        depth: (H, W) float32, planar metres.
        ground: (H, W) bool: stays as it is.
        sky: (H, W) bool: stays as it is.
        said: by the network, of the same picture.

    Returns:
        (H, W) float32 metres, and (P, 4) the planes a b c d in the world, unit normals towards the camera.
    """
    height, width = said.log_depth.shape
    cells = view.resized(width, height)
    turn = view.world_from_camera[:3, :3]
    free = on_cells(~(sky | ground), cells) > _FREE
    points, normals = cells.unproject(np.exp(on_cells(np.log(depth), cells))), said.normal @ turn.T
    planes = find_planes(points, normals, free, view.position, _MOST)
    if not len(planes):
        return depth, planes
    whose = belonging(planes, points, normals, free, view.position)
    size = view.width, view.height
    inside = cv2.resize(cv2.GaussianBlur((whose >= 0).astype(np.float32), (0, 0), _BORDER), size)
    whose = (
        cv2.resize((whose + 1).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(
            np.int64
        )
        - 1
    )
    on = np.nonzero((whose >= 0) & ~ground & ~sky)
    plane = planes.astype(np.float32)[whose[on]]
    rays = (view.rays()[on] @ turn.T).astype(np.float32)
    facing = -(plane[:, :3] * rays).sum(-1)
    away = (planes[:, :3] @ view.position + planes[:, 3]).astype(np.float32)[whose[on]]
    with np.errstate(invalid="ignore", divide="ignore"):
        lacks = np.where(
            (facing > _GRAZING) & (away > 0), np.log(away / facing) - np.log(depth[on]), _OFF[1]
        )
    part = np.clip(2 * inside[on] - 0.5, 0, 1) * np.clip(
        (_OFF[1] - np.abs(lacks)) / (_OFF[1] - _OFF[0]), 0, 1
    )
    flat = depth.copy()
    flat[on] *= np.exp(part * lacks)
    return flat, planes
