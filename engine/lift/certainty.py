"""How far each splat is to be trusted: its depth's confidence, less beside depth edges and where it is seen at a grazing angle.

Measured by ranking pixels of held-out views of ray-cast scenes by confidence and comparing their errors: the depth's own
uncertainty matters most, then the few pixels at an edge, and slant only where a surface is all but edge on.
"""

import cv2
import numpy as np

from .edges import find_edges
from .surface import Surface

_EDGE_LOSS, _EDGE_REACH_PX = (
    0.4,
    2.0,
)  # what a pixel at an edge loses, and over which distance that fades to a third
_SLANT_LOSS, _SLANT_POWER = (
    0.3,
    8,
)  # of (1 - cosine): a fifth of the loss at 80 degrees, hardly any at 60


def certainty(surface: Surface) -> np.ndarray:
    """The confidence of a splat at each pixel, (H, W) float32, 0..1; never above the depth's own."""
    estimate = surface.estimate
    near, far = find_edges(estimate.depth, surface.slope(), 1)
    inner = (~(near | far)).astype(np.uint8)
    away = (
        cv2.distanceTransform(inner, cv2.DIST_L2, 5)
        if not inner.all()
        else np.full(inner.shape, np.inf, np.float32)
    )
    kept = 1 - _EDGE_LOSS * np.exp(-away / _EDGE_REACH_PX)
    slant = np.clip(1 - 1 / surface.stretch, 0, 1) ** _SLANT_POWER
    return (estimate.confidence * kept * (1 - _SLANT_LOSS * slant)).astype(np.float32)
