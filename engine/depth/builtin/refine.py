"""Edges of coarse masks, drawn again where the colours of the picture change."""

import math

import cv2
import numpy as np

_BAND = 0.006  # of the longer side: the distance that a coarse edge may be off
_REACH = 3  # bands to each side of a pixel over which the colours of both sides are averaged
_MEDIAN = 3  # pixels a side; single pixels do not stand against all around them


def snap_mask(coarse: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Enlarge a coarse mask so that its edge follows the picture's.

    Within a band about the coarse edge each pixel joins the side whose mean colour nearby is more
    like its own.

    Args:
        coarse: (h, w) bool.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        (H, W) bool.
    """
    height, width = colours.shape[:2]
    share = cv2.resize(
        coarse.astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_LINEAR,
    )
    mask = share > 0.5

    # The band is wide enough for the staircase of the coarse cells.
    longer_side = max(height, width)
    pixels_a_cell = math.ceil(width / coarse.shape[1])
    band = max(2, round(_BAND * longer_side), pixels_a_cell)
    inner = _eroded(mask, band)
    outer = _eroded(~mask, band)

    # Colours of each side come from beyond the band, where the coarse mask is right.
    window = 2 * _REACH * band + 1
    inside = _local_mean(colours, inner, window)
    outside = _local_mean(colours, outer, window)
    unlike_inside = ((colours - inside) ** 2).sum(-1)
    unlike_outside = ((colours - outside) ** 2).sum(-1)
    joins_inside = unlike_inside < unlike_outside

    # Without colours of both sides nearby, the coarse mask has the last word.
    in_band = (inner == 0) & (outer == 0)
    knows_inside = np.isfinite(inside[..., 0])
    knows_outside = np.isfinite(outside[..., 0])
    undecided = in_band & knows_inside & knows_outside
    snapped = np.where(undecided, joins_inside, mask)
    snapped = cv2.medianBlur(snapped.astype(np.uint8), _MEDIAN)
    return snapped > 0


def _eroded(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Shrink a mask (H, W) bool by pixels, except at the picture's border; uint8, 0 or 1."""
    side = 2 * pixels + 1
    square = np.ones((side, side), np.uint8)
    return cv2.erode(
        mask.astype(np.uint8),
        square,
        borderType=cv2.BORDER_REPLICATE,
    )


def _local_mean(colours: np.ndarray, where: np.ndarray, window: int) -> np.ndarray:
    """Average the colours that a mask holds in a square about each pixel.

    Args:
        colours: (H, W, 3) float32.
        where: (H, W) uint8, 0 or 1.
        window: pixels a side of the square.

    Returns:
        (H, W, 3) float32; NaN where the square holds no pixel of the mask.
    """
    weight = _box_mean(where.astype(np.float32), window)
    total = _box_mean(colours * where[..., None], window)
    half_a_pixel = 0.5 / window**2
    share = np.maximum(weight, half_a_pixel)[..., None]
    is_known = weight[..., None] > half_a_pixel
    return np.where(is_known, total / share, np.nan)


def _box_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Average values (H, W, ...) over a square about each pixel; they are 0 outside the picture."""
    return cv2.boxFilter(
        values,
        -1,
        (window, window),
        borderType=cv2.BORDER_CONSTANT,
    )
