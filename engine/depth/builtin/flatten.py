"""Walls made flat: surfaces that network and planes agree on as nearly planar become planar.

The network's normals are steadier than its depth: the normals show which points are of one wall,
and a plane through the depth of these points is the wall. A thing that stands off it (a balcony, a
lantern) stays as it is.
"""

import cv2
import numpy as np

from ...camera import View
from ...planes import belonging, find_planes, on_cells
from .prediction import Prediction
from .resampling import interpolated

_MOST_PLANES = 9  # the largest ones
_ON_PLANE = 0.1  # log units: a pixel nearer to its plane than this is moved onto it as a whole
_OFF_PLANE = 0.2  # log units: a pixel farther from its plane than this stays where it is
_LEAST_FREE = 0.5  # share of a cell that is neither sky nor ground, for the cell to count
_BORDER = 1.0  # cells: standard deviation with which a plane fades out where no other begins
_GRAZING = 1e-6  # of the dot product of ray and normal: with less they do not meet


def flattened(
    view: View,
    depth: np.ndarray,
    ground: np.ndarray,
    sky: np.ndarray,
    prediction: Prediction,
) -> tuple[np.ndarray, np.ndarray]:
    """Move surfaces that are nearly flat onto planes.

    Args:
        view: of the grid, posed over z = 0.
        depth: (H, W) float32, planar metres.
        ground: (H, W) bool: stays as it is.
        sky: (H, W) bool: stays as it is.
        prediction: the network's, of the same picture.

    Returns:
        (H, W) float32 metres; and (P, 4) the planes a b c d in the world, with unit normals towards
        the camera.
    """
    free = ~(sky | ground)
    planes, cell_planes = _planes_of_cells(view, depth, free, prediction)
    if not len(planes):
        return depth, planes

    # The cells' planes at the picture's size. Cells bear numbers, which must not be interpolated,
    # and -1 is shifted to 0 since the enlarged map is of bytes.
    size = view.width, view.height
    numbers = (cell_planes + 1).astype(np.uint8)
    numbers = cv2.resize(numbers, size, interpolation=cv2.INTER_NEAREST)
    pixel_planes = numbers.astype(np.int64) - 1  # (H, W), -1 without a plane

    # A plane fades out towards cells without one.
    has_plane = (cell_planes >= 0).astype(np.float32)
    has_plane = cv2.GaussianBlur(has_plane, (0, 0), _BORDER)
    coverage = interpolated(has_plane, size)

    # Each pixel moves the more, the nearer to its plane it is already.
    pixels = np.nonzero((pixel_planes >= 0) & free)
    offset = _offsets(
        view,
        depth,
        pixels,
        planes,
        pixel_planes[pixels],
    )
    inside = 2 * coverage[pixels] - 0.5
    inside = np.clip(inside, 0, 1)
    nearness = (_OFF_PLANE - np.abs(offset)) / (_OFF_PLANE - _ON_PLANE)
    nearness = np.clip(nearness, 0, 1)
    share = inside * nearness

    flat = depth.copy()
    flat[pixels] *= np.exp(share * offset)
    return flat, planes


def _planes_of_cells(
    view: View,
    depth: np.ndarray,
    free: np.ndarray,
    prediction: Prediction,
) -> tuple[np.ndarray, np.ndarray]:
    """Find planes through the depth, on the network's grid and with its normals.

    Args:
        view: of the picture, posed over z = 0.
        depth: (H, W) float32, planar metres.
        free: (H, W) bool: pixels that may be of a plane.
        prediction: the network's.

    Returns:
        (P, 4) the planes; and (h, w) int32 the number of each cell's plane, -1 without one.
    """
    height, width = prediction.log_depth.shape
    cells = view.resized(width, height)
    world_from_camera = view.world_from_camera[:3, :3]
    free_cells = on_cells(free, cells) > _LEAST_FREE

    # The mean of log depth, not of depth, keeps a cell between near and far from leaning to far.
    log_depth = on_cells(np.log(depth), cells)
    points = cells.unproject(np.exp(log_depth))  # (h, w, 3), metres, world
    normals = prediction.normal @ world_from_camera.T  # (h, w, 3), world, unit

    planes = find_planes(
        points,
        normals,
        free_cells,
        view.position,
        _MOST_PLANES,
    )
    cell_planes = belonging(
        planes,
        points,
        normals,
        free_cells,
        view.position,
    )
    return planes, cell_planes


def _offsets(
    view: View,
    depth: np.ndarray,
    pixels: tuple[np.ndarray, ...],
    planes: np.ndarray,
    numbers: np.ndarray,
) -> np.ndarray:
    """Compute the log of the depth of pixels on their planes over their depth now.

    Args:
        view: of the picture, posed over z = 0.
        depth: (H, W) float32, planar metres.
        pixels: rows (N,) and columns (N,).
        planes: (P, 4) in the world, unit normals towards the camera.
        numbers: (N,) of each pixel's plane.

    Returns:
        (N,) float32; _OFF_PLANE, so that the pixel stays, where its ray does not meet its plane.
    """
    world_from_camera = view.world_from_camera[:3, :3]
    rays = view.rays()[pixels] @ world_from_camera.T  # (N, 3), world, unit depth
    rays = rays.astype(np.float32)

    # A ray of unit depth approaches its plane by `approach`; the camera is `distance` off it.
    normals = planes.astype(np.float32)[numbers, :3]
    approach = -(normals * rays).sum(-1)  # (N,)
    plane_normals = planes[:, :3]
    plane_offsets = planes[:, 3]
    distances = plane_normals @ view.position + plane_offsets  # (P,) metres
    distance = distances.astype(np.float32)[numbers]

    meets = (approach > _GRAZING) & (distance > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_depth_on_plane = np.log(distance / approach)
        offset = log_depth_on_plane - np.log(depth[pixels])
    return np.where(meets, offset, _OFF_PLANE)
