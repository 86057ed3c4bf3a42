"""How alike two pictures are, of whatever part of them counts: PSNR, SSIM, and MS-GMSD, which follows the eye more closely.

Pictures are (H, W, 3) float32, sRGB-encoded 0..1. What does not count is set to the true picture's
before windows look at it, so that nothing beside a window's own pixels is held against it.
"""

import cv2
import numpy as np

from engine.colour import luminance

_WINDOW, _SIGMA, _C1, _C2 = (
    11,
    1.5,
    0.01**2,
    0.03**2,
)  # Wang et al. 2004, section III-C, for values 0..1
_GMSD_C = 170 / 255**2  # Xue et al. 2014, section II-B, for values 0..1
_GMSD_WEIGHTS = (
    0.096,
    0.596,
    0.289,
    0.019,
)  # of the scales, finest first: Zhang, Sun and Feng 2017, section 2
_PREWITT = np.array([[1, 0, -1]] * 3, np.float32) / 3
_LEAST = 1e-10  # mean squared error of pictures that are the same: 100 dB


def psnr(picture: np.ndarray, true: np.ndarray, counts: np.ndarray) -> float:
    """Decibels over the pixels that count (H, W) bool, of values up to 1; 100 where nothing differs."""
    apart = (picture[counts].astype(np.float64) - true[counts]) ** 2
    return float(-10 * np.log10(max(apart.mean(), _LEAST))) if apart.size else float("nan")


def ssim(picture: np.ndarray, true: np.ndarray, counts: np.ndarray) -> float:
    """Structural similarity of luminance (Wang et al. 2004), the mean over the pixels that count; 1 is the same."""
    x, y = _luminances(picture, true, counts)

    def blurred(map_: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(map_, (_WINDOW, _WINDOW), _SIGMA)

    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    both = blurred(x * y) - mean_x * mean_y
    map_ = (
        (2 * mean_x * mean_y + _C1)
        * (2 * both + _C2)
        / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))
    )
    return float(map_[counts].mean())


def ms_gmsd(picture: np.ndarray, true: np.ndarray, counts: np.ndarray) -> float:
    """Gradient magnitude similarity deviation on four scales (Xue et al. 2014; Zhang et al. 2017); 0 is the same.

    It is the standard deviation, over the pixels that count, of how alike the gradients are: what
    is distorted in some places and whole in others looks worse than what is a little soft
    everywhere.
    """
    x, y = _luminances(picture, true, counts)
    total, weights = 0.0, counts.astype(np.float32)
    for weight in _GMSD_WEIGHTS:
        x, y, weights = _halved(x), _halved(y), _halved(weights)
        total += weight * _deviation(x, y, weights > 0.5) ** 2
    return float(np.sqrt(total))


def _deviation(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> float:
    gx, gy = _gradient(x), _gradient(y)
    alike = (2 * gx * gy + _GMSD_C) / (gx**2 + gy**2 + _GMSD_C)
    return float(alike[counts].std()) if counts.any() else 0.0


def _gradient(map_: np.ndarray) -> np.ndarray:
    across = cv2.filter2D(map_, cv2.CV_32F, _PREWITT)
    down = cv2.filter2D(map_, cv2.CV_32F, np.ascontiguousarray(_PREWITT.T))
    return np.sqrt(across**2 + down**2)


def _halved(map_: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 (the first scale too, as Xue et al. do)."""
    height, width = map_.shape[0] // 2 * 2, map_.shape[1] // 2 * 2
    return map_[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))


def _luminances(
    picture: np.ndarray, true: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) float32 of both, the first with the second's where it does not count."""
    y = luminance(true).astype(np.float32)
    return np.where(counts, luminance(picture).astype(np.float32), y), y
