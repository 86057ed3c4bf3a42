"""Edges where the picture has them: coarse masks drawn again by the colours on their two sides."""

import cv2
import numpy as np

_BAND = 0.006  # of the longer side: how far a coarse edge may be off
_REACH = 3  # bands: how far around a pixel the colours of both sides are averaged


def snap_mask(coarse: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Enlarge a coarse mask so that its edge follows the picture's.

    Within a band about the coarse edge each pixel joins the side whose mean colour nearby is more like its own.

    Args:
        coarse: (h, w) bool.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        (H, W) bool.
    """
    height, width = colours.shape[:2]
    mask = (
        cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    )
    band = max(2, round(_BAND * max(height, width)), -(-width // coarse.shape[1]))
    kernel = np.ones((2 * band + 1, 2 * band + 1), np.uint8)
    inner = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    outer = 1 - cv2.dilate(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    window = 2 * _REACH * band + 1
    inside, outside = _local_mean(colours, inner, window), _local_mean(colours, outer, window)
    nearer = ((colours - inside) ** 2).sum(-1) < ((colours - outside) ** 2).sum(-1)
    undecided = (
        (inner == 0) & (outer == 0) & np.isfinite(inside[..., 0]) & np.isfinite(outside[..., 0])
    )
    snapped = np.where(undecided, nearer, mask)
    return cv2.medianBlur(snapped.astype(np.uint8), 3) > 0


def _local_mean(colours: np.ndarray, where: np.ndarray, window: int) -> np.ndarray:
    """Mean colour (H, W, 3) of the pixels of a uint8 mask within a square window; NaN where it holds none."""
    weight = cv2.boxFilter(
        where.astype(np.float32), -1, (window, window), borderType=cv2.BORDER_CONSTANT
    )
    total = cv2.boxFilter(
        colours * where[..., None], -1, (window, window), borderType=cv2.BORDER_CONSTANT
    )
    least = 0.5 / window**2
    return np.where(weight[..., None] > least, total / np.maximum(weight, least)[..., None], np.nan)
