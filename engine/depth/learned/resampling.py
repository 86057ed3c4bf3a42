"""Resampling of pictures, as Pillow and torch do it.

It is a product with one small matrix a side, which makes the four conventions of the reference
processors (where the corners lie, whether a coarser grid averages) a matter of that matrix alone.
"""

import math
from typing import Literal

import numpy as np

Kernel = Literal["bilinear", "bicubic"]
# Pixels from its centre at which a kernel reaches zero.
_REACHES: dict[Kernel, int] = {
    "bilinear": 1,
    "bicubic": 2,
}

# The parameter a of Keys' cubic.
PIL_SHARPNESS = -0.5  # in Pillow
TORCH_SHARPNESS = -0.75  # in torch.nn.functional.interpolate
STRAIGHT = -0.5  # the only one that keeps a ramp a ramp


def resample(
    picture: np.ndarray,
    size: tuple[int, int],
    kernel: Kernel,
    sharpness: float = TORCH_SHARPNESS,
    averaging: bool = False,
    corners: bool = False,
) -> np.ndarray:
    """Resample a picture to another grid.

    Args:
        picture: (H, W, C).
        size: height and width of the other grid.
        kernel: as for `weights`, like all that follows.
        sharpness: of a cubic.
        averaging: True as in Pillow, False as in torch.
        corners: True to keep the centres of the corner pixels.

    Returns:
        (*size, C) float32.
    """
    height, width, channels = picture.shape
    target_height, target_width = size
    convention = (kernel, sharpness, averaging, corners)
    rows = weights(height, target_height, *convention)  # [target_height, H]
    columns = weights(width, target_width, *convention).T  # [W, target_width]

    result = np.empty((*size, channels), np.float32)
    for channel in range(channels):  # plain matrices: BLAS knows no others
        plane = np.ascontiguousarray(picture[..., channel], np.float32)
        # The width first where that leaves fewer columns for the other product.
        if target_width < width:
            plane = rows @ (plane @ columns)
        else:
            plane = (rows @ plane) @ columns
        result[..., channel] = plane
    return result


def weights(
    count: int,
    target: int,
    kernel: Kernel,
    sharpness: float = TORCH_SHARPNESS,
    averaging: bool = False,
    corners: bool = False,
) -> np.ndarray:
    """Compute how much each of `count` pixels adds to each of `target` pixels.

    At the border Pillow's averaging leaves out the pixels beyond, sampling repeats the last one.

    Args:
        count: pixels in a row of the picture.
        target: pixels in a row of the other grid.
        kernel: triangle or cubic.
        sharpness: the cubic's parameter a.
        averaging: True to widen the kernel with the pixels of a coarser grid.
        corners: True to keep the centres of the corner pixels.

    Returns:
        (target, count) float32; rows sum to one.
    """
    centres = _centres(count, target, corners)  # [target], in pixels of the picture
    stretch = max(count / target, 1.0) if averaging else 1.0
    reach = _REACHES[kernel] * stretch

    # Each target pixel looks at as many pixels as the kernel can reach.
    farthest = math.ceil(reach)
    offsets = np.arange(-farthest, farthest + 1)
    nearest = np.floor(centres).astype(int)
    taps = offsets + nearest[:, None]  # [target, T], pixels of the picture
    distances = (taps - centres[:, None]) / stretch
    values = _kernel(distances, kernel, sharpness)
    if averaging:
        is_inside = (taps >= 0) & (taps < count)
        values = np.where(is_inside, values, 0)

    # Taps beyond the border are clipped to its pixel, so that one pixel may have several.
    matrix = np.zeros((target, count))
    targets = np.arange(target)
    rows = np.repeat(targets, len(offsets))
    columns = np.clip(taps, 0, count - 1)
    places = (rows, columns.ravel())
    np.add.at(matrix, places, values.ravel())
    totals = matrix.sum(axis=1, keepdims=True)
    return (matrix / totals).astype(np.float32)


def _centres(count: int, target: int, corners: bool) -> np.ndarray:
    """Return the places (target,) of a grid's pixel centres, counted in the picture's pixels."""
    steps = np.arange(target)
    if corners:
        last = max(target - 1, 1)
        spacing = (count - 1) / last
        return steps * spacing
    spacing = count / target
    return (steps + 0.5) * spacing - 0.5


def _kernel(x: np.ndarray, kernel: Kernel, a: float) -> np.ndarray:
    """Evaluate the triangle, or the cubic of Keys 1981 with parameter a, at distances x."""
    x = np.abs(x)
    if kernel == "bilinear":
        return np.maximum(1 - x, 0)
    # Polynomials of x by Horner's rule, one up to a pixel away and one up to two.
    near = (a + 2) * x - (a + 3)
    near = near * x * x + 1
    far = a * x - 5 * a
    far = far * x + 8 * a
    far = far * x - 4 * a
    outer = np.where(x < 2, far, 0)
    return np.where(x <= 1, near, outer)
