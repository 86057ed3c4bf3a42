"""The confidence of each splat: that of its depth, less at depth edges and at grazing angles.

The constants were measured by ranking pixels of held-out views of ray-cast scenes by confidence and
comparing their errors: the depth's own uncertainty matters most, then the few pixels at an edge,
and slant only where a surface is seen almost edge on.
"""

import cv2
import numpy as np

from .edges import find_edges
from .surface import Surface

_EDGE_LOSS = 0.4  # share of its confidence that a pixel at an edge loses
_EDGE_REACH_PX = 2.0  # over this distance from the edge the loss fades to a third (1 / e)
_SLANT_LOSS = 0.3  # share that a surface seen edge on loses
_SLANT_POWER = 8  # of (1 - cosine): a fifth of the loss at 80 degrees, hardly any at 60


def certainty(surface: Surface) -> np.ndarray:
    """Compute the confidence of a splat at each pixel.

    Returns:
        (H, W) float32, 0..1, never above the depth's own.
    """
    distance = _edge_distance(surface)
    fading = np.exp(-distance / _EDGE_REACH_PX)
    edge_loss = _EDGE_LOSS * fading

    # A disc is stretched by 1 / cosine of the angle between its normal and the ray.
    cosine = 1 / surface.stretch
    grazing = np.clip(1 - cosine, 0, 1)
    slant_loss = _SLANT_LOSS * grazing**_SLANT_POWER

    confidence = surface.estimate.confidence
    confidence = confidence * (1 - edge_loss) * (1 - slant_loss)
    return confidence.astype(np.float32)


def _edge_distance(surface: Surface) -> np.ndarray:
    """Return the distance of each pixel to the nearest last pixel of a surface, pixels (H, W)."""
    near_side, far_side = find_edges(
        surface.estimate.depth,
        surface.slope(),
        margin=1,
    )
    is_last = near_side | far_side
    inner = (~is_last).astype(np.uint8)
    # Without any edge there is nothing to measure a distance to.
    if inner.all():
        return np.full(inner.shape, np.inf, np.float32)
    return cv2.distanceTransform(inner, cv2.DIST_L2, 5)
