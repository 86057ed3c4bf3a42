"""A coarse depth map enlarged so that its silhouettes lie where the picture's edges are.

Away from silhouettes depth is interpolated. Near one the coarse cells about a pixel form two sides,
and the pixel joins the side whose colours are more like its own, as in joint bilateral upsampling
(Kopf 2007) but with a decision instead of a mean: no pixel is left between the two.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from ...kernels import enlarge as kernel

_STEP = 0.12  # in log depth within the window, above which it holds two sides
# In log depth, of a cell against the mean of its neighbours: an even slope is one surface.
_BEND = 0.04
_WINDOW = 5  # cells a side, as the kernel has it
_NEIGHBOURS = 3  # cells a side of the square whose mean a bend is measured against
_MEDIAN = 5  # pixels a side: single pixels do not stand against all around them
_STRIP = 64  # rows of the picture a task


def enlarge(log_depth: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Enlarge a map of log depth to its picture's size.

    Args:
        log_depth: (h, w) float32.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        (H, W) float32.
    """
    cells = np.ascontiguousarray(log_depth, np.float32)
    colours = np.ascontiguousarray(colours, np.float32)
    height, width = colours.shape[:2]
    smooth = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    parted = beside_steps(cells, _STEP, _BEND)  # [h, w]
    is_full_size = cells.shape == (height, width)
    if is_full_size or not parted.any():
        return smooth

    sided = smooth.copy()
    _choose_sides(cells, colours, parted, sided)
    # The median removes stray pixels; away from silhouettes it must not touch the map.
    median = cv2.medianBlur(sided, _MEDIAN)
    is_parted = _at_pixels(parted, height, width) > 0
    return np.where(is_parted, median, smooth)


def _choose_sides(
    cells: np.ndarray,
    colours: np.ndarray,
    parted: np.ndarray,
    depth: np.ndarray,
) -> None:
    """Write the chosen side's log depth into `depth` (H, W), in the cells that `parted` marks.

    The kernel works on strips of rows, which are independent, on all cores.
    """
    small_size = cells.shape[::-1]
    small = cv2.resize(colours, small_size, interpolation=cv2.INTER_AREA)  # [h, w, 3]
    height = len(depth)

    def run(first: int) -> None:
        rows = range(first, min(first + _STRIP, height))
        kernel.enlarge(
            rows,
            colours,
            cells,
            small,
            parted,
            depth,
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(run, range(0, height, _STRIP))
        list(done)  # raises what a strip has raised


def _at_pixels(cells: np.ndarray, height: int, width: int) -> np.ndarray:
    """Repeat cells (h, w) over the pixels in them, (height, width), by the kernel's own rule."""
    h, w = cells.shape
    rows = np.arange(height) * h // height
    columns = np.arange(width) * w // width
    return cells[rows[:, None], columns]


def beside_steps(cells: np.ndarray, step: float, bend: float) -> np.ndarray:
    """Mark the cells that have two sides within the kernel's window.

    Args:
        cells: (h, w) float32, log depth.
        step: the least difference of depth within the window; an even slope may have it too.
        bend: the least difference, somewhere in the window, of a cell from its neighbours' mean;
            an even slope has none.

    Returns:
        (h, w) uint8, 0 or 1.
    """
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    farthest = cv2.dilate(cells, window)
    nearest = cv2.erode(cells, window)
    has_step = farthest - nearest > step

    # A steep slope has a step too, but it is even: no cell differs from its neighbours' mean.
    neighbours = cv2.blur(
        cells,
        (_NEIGHBOURS, _NEIGHBOURS),
        borderType=cv2.BORDER_REPLICATE,
    )
    bent = np.abs(cells - neighbours)
    most_bent = cv2.dilate(bent, window)
    has_bend = most_bent > bend
    return (has_step & has_bend).astype(np.uint8)
