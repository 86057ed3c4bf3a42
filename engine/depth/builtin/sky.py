"""The sky of a photo, from its colours.

Sky is smooth, bright or blue, and touches the top of the picture. That finds the most of it on a
small copy; GrabCut then draws its edge there, and local colours draw it again at full size.
"""

import cv2
import numpy as np

from ...colour import luminance
from .refine import snap_mask

_SIDE = 320  # pixels of the longer side of the copy that sky is found on
_LEAST_SIDE = 16  # pixels of its shorter side
_LEAST_SHARE = 0.015  # of the picture; a smaller sky is taken for none
_LEAST_TOP_SHARE = 0.06  # of the top row that a sky covers
_TOP_ROWS = 0.03  # of the height: a sky begins within these rows

# Colours of the sky. Brightness and colours are sRGB-encoded, 0..1.
_SMOOTH_PIXELS = 5  # side of the square about a pixel within which a sky is smooth
_SMOOTH_RANGE = 0.10  # of brightness within that square; clouds vary less, foliage more
_BLUE = 0.02  # blue over red, of a blue sky
_LEAST_BLUE_LIGHT = 0.2  # brightness of a blue sky
_LEAST_BRIGHT_LIGHT = 0.45  # brightness of a grey or white sky
_BRIGHT_PERCENTILE = 60  # of brightness in the lower half, above which a grey or white sky lies
_GREEN = 0.03  # green over red and blue: leaves and lawns
_WARM = 0.10  # red over blue: walls and lamps
_BLOWN_OUT = 0.93  # brightness from which a warm sky is possible

# The measure of how much a mask looks like sky.
_DARKEST = 0.3  # mean brightness; the skies of nights look like walls
_BLUE_WEIGHT = 4.0  # of blue over red, against one of brightness over the rest
_BLUE_ENOUGH = 0.12  # blue over red; more does not count

_GRABCUT_ITERATIONS = 2
# Side of a square: a pixel is surely sky where the square about it holds candidates alone.
_GRABCUT_SURE_PIXELS = 5
_GRABCUT_OPEN_PART = 20  # a 20th of the height below the lowest candidate may still be sky
_GRABCUT_LEAST = 50  # pixels of each side; colour models of fewer say nothing
_GRABCUT_MODEL = (1, 65)  # shape of a mixture of five Gaussians, as OpenCV wants it

_AROUND = 0.03  # of the longer side: the square whose mean a thing in the sky is compared with
_DARKER = 0.12  # brightness by which it is darker than that mean


def find_sky(colours: np.ndarray) -> np.ndarray:
    """Find the sky of a picture that may have none.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        (H, W) bool.
    """
    height, width = colours.shape[:2]
    longer_side = max(height, width)
    scale = min(1.0, _SIDE / longer_side)
    small_width = max(_LEAST_SIDE, round(width * scale))
    small_height = max(_LEAST_SIDE, round(height * scale))
    small = cv2.resize(
        colours,
        (small_width, small_height),
        interpolation=cv2.INTER_AREA,
    )
    small = np.clip(small, 0, 1)

    no_sky = np.zeros((height, width), bool)
    candidates = _candidates(small)
    if candidates.mean() < _LEAST_SHARE:
        return no_sky
    sky = _grabcut(small, candidates)
    sky = _touching_top(sky)
    if sky.mean() < _LEAST_SHARE:
        return no_sky
    top_row = sky[0]
    if top_row.mean() < _LEAST_TOP_SHARE:
        return no_sky
    return snap_mask(sky, colours)


def looks_like_sky(sky: np.ndarray, colours: np.ndarray) -> float:
    """Measure how much bluer and brighter than the rest a sky is.

    Args:
        sky: (H, W) bool, neither empty nor full.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        About 0 for ceilings, above 0.5 for most skies.
    """
    light = luminance(np.clip(colours, 0, 1))
    brightness = float(light[sky].mean())
    if brightness < _DARKEST or sky.all():
        return 0.0
    red = colours[..., 0]
    blue = colours[..., 2]
    blue_over_red = (blue - red)[sky]
    blueness = float(blue_over_red.mean())
    blueness = min(blueness, _BLUE_ENOUGH)
    rest = light[~sky]
    return _BLUE_WEIGHT * blueness + brightness - float(np.median(rest))


def without_thin(sky: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Take finials, chimneys and branches that reach into a sky out of it.

    They are pieces darker than the sky around them that touch the edge of the sky.

    Args:
        sky: (H, W) bool.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        (H, W) bool.
    """
    if not sky.any() or sky.all():
        return sky
    light = luminance(np.clip(colours, 0, 1))
    longer_side = max(sky.shape)
    side = max(3, round(_AROUND * longer_side))
    mean = _mean_within(light, sky, side | 1)  # an odd side: the square has a middle pixel
    dark = sky & (light < mean - _DARKER)

    # Dark pieces that do not touch the edge stay: what floats in the sky is no part of the rest.
    count, pieces = cv2.connectedComponents(dark.astype(np.uint8), connectivity=8)
    near_rest = _dilated(~sky, 3)
    pieces_at_edge = pieces[near_rest & dark]
    reaches_in = np.zeros(count, bool)
    reaches_in[np.unique(pieces_at_edge)] = True
    return sky & ~reaches_in[pieces]


def _mean_within(values: np.ndarray, mask: np.ndarray, side: int) -> np.ndarray:
    """Average what a mask (H, W) holds of float32 values (H, W), in a square about each pixel."""
    window = (side, side)
    weight = mask.astype(np.float32)
    weight = cv2.boxFilter(weight, -1, window)
    total = np.where(mask, values, np.float32(0))
    total = cv2.boxFilter(total, -1, window)
    one_pixel = 1 / side**2
    return total / np.maximum(weight, one_pixel)


def _dilated(mask: np.ndarray, side: int) -> np.ndarray:
    """Grow a mask (H, W) by a square of pixels."""
    square = np.ones((side, side), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), square) > 0


def _candidates(small: np.ndarray) -> np.ndarray:
    """Mark smooth pixels (h, w), bright or blue, in one piece with the top of the small copy."""
    light = luminance(small)
    red, green, blue = np.moveaxis(small, -1, 0)
    square = np.ones((_SMOOTH_PIXELS, _SMOOTH_PIXELS), np.uint8)
    brightest = cv2.dilate(light, square)
    darkest = cv2.erode(light, square)
    smooth = brightest - darkest < _SMOOTH_RANGE

    # A grey or white sky is brighter than most of the lower half, where there is none.
    half = len(light) // 2
    lower_half = light[half:]
    usual_light = float(np.percentile(lower_half, _BRIGHT_PERCENTILE))
    bright = light > max(_LEAST_BRIGHT_LIGHT, usual_light)
    is_blue = (blue - red > _BLUE) & (light > _LEAST_BLUE_LIGHT)
    is_sky_coloured = bright | is_blue

    # Leaves, walls and lamps may be as bright as a sky.
    leaf = green - np.maximum(red, blue) > _GREEN
    warm = (red - blue > _WARM) & (light < _BLOWN_OUT)
    candidates = smooth & is_sky_coloured & ~leaf & ~warm
    return _touching_top(candidates)


def _touching_top(mask: np.ndarray) -> np.ndarray:
    """Keep the pieces of a mask (h, w) that begin at the top of the picture."""
    mask = mask.astype(np.uint8)
    count, pieces = cv2.connectedComponents(mask, connectivity=4)
    top_rows = max(1, round(len(mask) * _TOP_ROWS))
    pieces_at_top = pieces[:top_rows]
    keep = np.zeros(count, bool)
    keep[np.unique(pieces_at_top)] = True
    keep[0] = False  # the number of what the mask leaves out
    return keep[pieces]


def _grabcut(small: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Let colour models of sky and of the rest draw the edge (Rother, Kolmogorov, Blake 2004).

    Args:
        small: (h, w, 3) float32, sRGB-encoded, 0..1.
        candidates: (h, w) bool, some of them.

    Returns:
        (h, w) bool; the candidates where one side has too few pixels for a model.
    """
    marks = _grabcut_marks(candidates)
    surely_sky = marks == cv2.GC_FGD
    pixels_of_sky = surely_sky.sum()
    pixels_of_rest = surely_sky.size - pixels_of_sky
    if min(pixels_of_sky, pixels_of_rest) < _GRABCUT_LEAST:
        return candidates

    bgr = small[..., ::-1] * 255
    bgr = np.ascontiguousarray(bgr.astype(np.uint8))
    cv2.setRNGSeed(0)
    cv2.grabCut(
        bgr,
        marks,
        None,
        np.zeros(_GRABCUT_MODEL),
        np.zeros(_GRABCUT_MODEL),
        _GRABCUT_ITERATIONS,
        cv2.GC_INIT_WITH_MASK,
    )
    return (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)


def _grabcut_marks(candidates: np.ndarray) -> np.ndarray:
    """Mark each pixel (h, w) uint8 as surely or perhaps sky (foreground) or something else."""
    marks = np.full(candidates.shape, cv2.GC_PR_BGD, np.uint8)
    marks[candidates] = cv2.GC_PR_FGD

    # Away from their edge, candidates are sky.
    square = np.ones((_GRABCUT_SURE_PIXELS, _GRABCUT_SURE_PIXELS), np.uint8)
    inner = candidates.astype(np.uint8)
    inner = cv2.erode(inner, square, borderValue=1)
    marks[inner > 0] = cv2.GC_FGD

    # Well below the lowest candidate there is no sky, whatever its colour.
    height = len(candidates)
    (rows,) = np.nonzero(candidates.any(axis=1))
    lowest = rows.max() + height // _GRABCUT_OPEN_PART
    marks[min(height - 1, lowest) :] = cv2.GC_BGD
    return marks
