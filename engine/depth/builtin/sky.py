"""Which pixels are sky, and how far it is.

Sky is smooth, bright or blue, and touches the top; GrabCut draws the edge, local colours make it crisp.
"""

import cv2
import numpy as np

from ...colour import luminance
from .refine import snap_mask

_SIDE = 320  # pixels of the longer side where the decision is made
_SMOOTH_RANGE = 0.10  # of encoded brightness within 5 pixels; clouds vary less, foliage more
_BLUE = 0.02  # blue over red
_GREEN = 0.03  # green over both: leaves and lawns
_WARM = 0.10  # red over blue: walls and lamps, unless blown out
_BLOWN_OUT = 0.93
_TOP_ROWS = 0.03  # of the height: sky starts here
_LEAST_SHARE = 0.015  # of the picture
_LEAST_TOP_SHARE = 0.06  # of the top row
_DARKEST = 0.3  # mean brightness; nights cannot be told from walls
_BLUE_WEIGHT, _BLUE_ENOUGH = 4.0, 0.12  # blue over red against brightness over the rest's median
_GRABCUT_ITERATIONS = 2
_ABOUT, _DARKER = (
    0.03,
    0.12,
)  # of the longer side, and of brightness: what stands out from the sky about it


def find_sky(colours: np.ndarray) -> np.ndarray:
    """The sky of a picture that may have none.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        (H, W) bool.
    """
    height, width = colours.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    small = np.clip(cv2.resize(colours, size, interpolation=cv2.INTER_AREA), 0, 1)
    seeds = _candidates(small)
    if seeds.mean() < _LEAST_SHARE:
        return np.zeros((height, width), bool)
    sky = _touching_top(_grabcut(small, seeds))
    if sky.mean() < _LEAST_SHARE or sky[0].mean() < _LEAST_TOP_SHARE:
        return np.zeros((height, width), bool)
    return snap_mask(sky, colours)


def looks_like_sky(sky: np.ndarray, colours: np.ndarray) -> float:
    """How much bluer and brighter than the rest a sky is; about 0 for ceilings, above 0.5 for most skies.

    Args:
        sky: (H, W) bool, neither empty nor full.
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    light = luminance(np.clip(colours, 0, 1))
    brightness = float(light[sky].mean())
    if brightness < _DARKEST or sky.all():
        return 0.0
    blue = float((colours[..., 2] - colours[..., 0])[sky].mean())
    return _BLUE_WEIGHT * min(blue, _BLUE_ENOUGH) + brightness - float(np.median(light[~sky]))


def without_thin(sky: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A sky (H, W) without finials, chimneys and branches that reach into it: what is darker than the sky about it.

    Args:
        sky: (H, W) bool.
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    if not sky.any() or sky.all():
        return sky
    light = luminance(np.clip(colours, 0, 1))
    side = max(3, round(_ABOUT * max(sky.shape))) | 1
    weight = cv2.boxFilter(sky.astype(np.float32), -1, (side, side))
    mean = cv2.boxFilter(np.where(sky, light, np.float32(0)), -1, (side, side)) / np.maximum(
        weight, 1 / side**2
    )
    dark = (sky & (light < mean - _DARKER)).astype(np.uint8)
    count, pieces = cv2.connectedComponents(dark, connectivity=8)
    beside = cv2.dilate((~sky).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    standing = np.zeros(count, bool)
    standing[np.unique(pieces[beside & (dark > 0)])] = True
    return sky & ~standing[pieces]


def _candidates(small: np.ndarray) -> np.ndarray:
    """Smooth and bright or blue pixels in one piece with the top, at the small size."""
    light = luminance(small)
    red, green, blue = np.moveaxis(small, -1, 0)
    kernel = np.ones((5, 5), np.uint8)
    smooth = cv2.dilate(light, kernel) - cv2.erode(light, kernel) < _SMOOTH_RANGE
    lower = light[len(light) // 2 :]
    bright = light > max(0.45, float(np.percentile(lower, 60)))
    coloured = (blue - red > _BLUE) & (light > 0.2)
    leaf = green - np.maximum(red, blue) > _GREEN
    warm = (red - blue > _WARM) & (light < _BLOWN_OUT)
    return _touching_top(smooth & (bright | coloured) & ~leaf & ~warm)


def _touching_top(mask: np.ndarray) -> np.ndarray:
    """The pieces of a mask that begin at the top of the picture."""
    count, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    top = pieces[: max(1, round(len(mask) * _TOP_ROWS))]
    keep = np.zeros(count, bool)
    keep[np.unique(top)] = True
    keep[0] = False
    return keep[pieces]


def _grabcut(small: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Let colour models of sky and not sky draw the edge (Rother, Kolmogorov, Blake 2004)."""
    kernel = np.ones((5, 5), np.uint8)
    marks = np.where(seeds, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marks[cv2.erode(seeds.astype(np.uint8), kernel, borderValue=1) > 0] = cv2.GC_FGD
    lowest = np.nonzero(seeds.any(axis=1))[0].max()
    marks[min(len(seeds) - 1, lowest + len(seeds) // 20) :] = cv2.GC_BGD
    if (marks == cv2.GC_FGD).sum() < 50 or (marks != cv2.GC_FGD).sum() < 50:
        return seeds
    bgr = np.ascontiguousarray((small[..., ::-1] * 255).astype(np.uint8))
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(bgr, marks, None, *models, _GRABCUT_ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
