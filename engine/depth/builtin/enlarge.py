"""A coarse depth map enlarged so that its silhouettes lie where the picture's edges are.

Away from silhouettes depth is interpolated. Beside one the coarse cells about a pixel form two sides, and the pixel joins the
side whose colours are more like its own, as in joint bilateral upsampling (Kopf 2007) but with a decision instead of a mean:
nothing is left between the two.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from ...kernels import enlarge as kernel

_STEP = 0.12  # in log depth within the window: two sides
_BEND = (
    0.04  # in log depth, of a cell against the mean of its neighbours: an even slope is one surface
)
_WINDOW = 5  # cells a side, as the kernel has it
_MEDIAN = 5  # pixels: single pixels do not stand against all around them
_STRIP = 64  # rows a task


def enlarge(log_depth: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Enlarge a map of log depth to its picture's size.

    Args:
        log_depth: (h, w) float32.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        (H, W) float32.
    """
    cells, colours = (
        np.ascontiguousarray(log_depth, np.float32),
        np.ascontiguousarray(colours, np.float32),
    )
    height, width = colours.shape[:2]
    smooth = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    parted = beside_steps(cells, _STEP, _BEND)
    if cells.shape == (height, width) or not parted.any():
        return smooth
    small = cv2.resize(colours, cells.shape[::-1], interpolation=cv2.INTER_AREA)
    sided = smooth.copy()
    strips = [range(row, min(row + _STRIP, height)) for row in range(0, height, _STRIP)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(
            pool.map(
                lambda rows: kernel.enlarge(rows, colours, cells, small, parted, sided), strips
            )
        )
    # The kernel's own rule of which cell a pixel is in; only there the median may touch the map.
    within = (
        parted[
            (np.arange(height) * len(cells) // height)[:, None],
            np.arange(width) * cells.shape[1] // width,
        ]
        > 0
    )
    return np.where(within, cv2.medianBlur(sided, _MEDIAN), smooth)


def beside_steps(cells: np.ndarray, step: float, bend: float) -> np.ndarray:
    """Cells with two sides within reach, (h, w) uint8.

    Args:
        cells: (h, w) float32, log depth.
        step: between the two, more than this; an even slope is no step.
        bend: of one of the cells about it against the mean of its neighbours, more than this.
    """
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    bent = np.abs(cells - cv2.blur(cells, (3, 3), borderType=cv2.BORDER_REPLICATE))
    spread = cv2.dilate(cells, window) - cv2.erode(cells, window)
    return ((spread > step) & (cv2.dilate(bent, window) > bend)).astype(np.uint8)
