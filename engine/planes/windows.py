"""The grid that planes are found on, and normals of its cells, steadied over windows."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from ..camera import View

CELLS = 36_000  # of the grid that planes are found on, at most
_WINDOW = 7  # cells a side of the square that a plane is fitted to
_LEAST_POINTS = 5  # cells that count, of a window
_TINY = 1e-9  # keeps divisions from zero


def cells_of(view: View) -> View:
    """Return the grid that planes are found on: at most CELLS, with the view's aspect."""
    pixels = view.width * view.height
    scale = min(1.0, (CELLS / pixels) ** 0.5)
    width = max(1, round(view.width * scale))
    height = max(1, round(view.height * scale))
    return view.resized(width, height)


def on_cells(values: np.ndarray, cells: View) -> np.ndarray:
    """Average values (H, W) over a coarser grid's cells, (h, w) float32."""
    return cv2.resize(
        values.astype(np.float32),
        (cells.width, cells.height),
        interpolation=cv2.INTER_AREA,
    )


def window_normals(view: View, depth: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Fit planes to the inverse depth within windows of a grid, and return their normals.

    The bumps of a depth map do not turn them. Of the windows about a cell the one that its plane
    fits best counts (Kuwahara 1976), so none reaches around a corner.

    Args:
        view: of the grid.
        depth: (h, w) planar metres.
        free: (h, w) bool: which cells count.

    Returns:
        (h, w, 3) float32, world, unit, towards the camera.
    """
    inverse_depth = np.where(free, 1 / depth, 0.0)
    inverse_depth = inverse_depth.astype(np.float64)
    rays = view.rays()
    rays = rays.astype(np.float64)
    normal, misfit = _window_planes(rays, inverse_depth, free)
    normal = _of_best_window(normal, misfit)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    normal /= np.maximum(length, _TINY)
    rotation = view.world_from_camera[:3, :3]
    normal = normal @ rotation.T
    return normal.astype(np.float32)


def _window_planes(
    rays: np.ndarray,
    inverse_depth: np.ndarray,
    free: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a plane to the window about each cell, by least squares.

    Args:
        rays: (h, w, 3) float64, camera frame, z = 1.
        inverse_depth: (h, w) float64, 0 where a cell does not count.
        free: (h, w) bool: which cells count.

    Returns:
        Normals (h, w, 3), camera frame, of any length, towards the camera; and (h, w) the mean
        squared error of inverse depth over its square, infinite where too few cells count.
    """
    weight = free.astype(np.float64)
    share = np.maximum(_box_mean(weight), _TINY)  # [h, w], of the window's cells that count

    def mean(values: np.ndarray) -> np.ndarray:
        total = _box_mean(values * weight)
        return total / share

    # On the plane n . p = 1 the inverse depth is n . ray: linear in the rays' x and y.
    ray_x = rays[..., 0]
    ray_y = rays[..., 1]
    normal, error = _regression(ray_x, ray_y, inverse_depth, mean)

    # Windows of few cells are fitted too well to be believed.
    mean_depth = mean(inverse_depth)
    mean_square = np.maximum(mean_depth * mean_depth, _TINY)
    misfit = np.maximum(error / mean_square, 0)
    cells = share * _WINDOW**2
    is_fitted = cells >= _LEAST_POINTS
    misfit = np.where(is_fitted, misfit, np.inf)
    return -normal, misfit


def _regression(
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    mean: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Fit z = a x + b y + c in the window about each cell, by least squares.

    Args:
        x: (h, w).
        y: (h, w).
        z: (h, w).
        mean: the mean over each window, (h, w) to (h, w).

    Returns:
        (h, w, 3) a b c; and (h, w) the variance of z that they leave unexplained.
    """
    mean_x = mean(x)
    mean_y = mean(y)
    mean_z = mean(z)
    var_x = mean(x * x) - mean_x * mean_x
    var_y = mean(y * y) - mean_y * mean_y
    var_z = mean(z * z) - mean_z * mean_z
    cov_xy = mean(x * y) - mean_x * mean_y
    cov_xz = mean(x * z) - mean_x * mean_z
    cov_yz = mean(y * z) - mean_y * mean_z
    # A window of one row or column has no variance across it.
    var_x += _TINY
    var_y += _TINY

    # Cramer's rule for the two slopes; the plane passes through the means.
    determinant = var_x * var_y - cov_xy * cov_xy
    minor_a = cov_xz * var_y - cov_yz * cov_xy
    minor_b = cov_yz * var_x - cov_xz * cov_xy
    a = minor_a / determinant
    b = minor_b / determinant
    c = mean_z - a * mean_x - b * mean_y
    coefficients = np.stack([a, b, c], axis=-1)
    unexplained = var_z - a * cov_xz - b * cov_yz
    return coefficients, unexplained


def _box_mean(values: np.ndarray) -> np.ndarray:
    """Average values (h, w) over the window about each cell; they are 0 outside the grid."""
    window = (_WINDOW, _WINDOW)
    return cv2.boxFilter(values, -1, window, borderType=cv2.BORDER_CONSTANT)


def _of_best_window(normal: np.ndarray, misfit: np.ndarray) -> np.ndarray:
    """Choose the normal of the best fitting of nine windows about each cell.

    Args:
        normal: (h, w, 3) of the windows that have each cell as their middle.
        misfit: (h, w) of those windows.

    Returns:
        (h, w, 3), a copy.
    """
    best = normal
    least = misfit
    height, width = misfit.shape
    for neighbour in _neighbours(height, width):
        other = misfit[neighbour]
        is_better = (other < least)[..., None]
        best = np.where(is_better, normal[neighbour], best)
        least = np.minimum(least, other)
    return best


def _neighbours(height: int, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and columns (height, width) of the windows that just reach each cell, and its own.

    A window has its middle half a window up or down, left or right; at the border it is moved in.
    """
    reach = _WINDOW // 2
    rows, columns = np.mgrid[:height, :width]
    for down in (-reach, 0, reach):
        row = np.clip(rows + down, 0, height - 1)
        for right in (-reach, 0, reach):
            column = np.clip(columns + right, 0, width - 1)
            yield row, column
