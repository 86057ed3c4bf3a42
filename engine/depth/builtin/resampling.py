"""Maps on another grid: interpolated where it is finer, averaged where it is coarser."""

import cv2
import numpy as np


def interpolated(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Interpolate a map (h, w) or (h, w, C) linearly at the cells of another grid.

    Args:
        values: float32.
        size: width and height of the grid.
    """
    return cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)


def averaged(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Average a map (h, w) or (h, w, C) over the cells of a coarser grid.

    Args:
        values: float32.
        size: width and height of the grid.
    """
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)
