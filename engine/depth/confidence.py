"""From a pixel's relative error of depth to its confidence, the same for every depth source."""

import numpy as np

# Relative error at which confidence is one half.
HALF_CONFIDENCE_ERROR = 0.35
# The largest relative error that is told.
MOST_ERROR = 1.0
# The sky's own distance is unknown, but so far away an error moves no pixel: neither sure nor
# doubtful.
SKY_ERROR = 0.5
SKY_CONFIDENCE = 0.6


def confidence_of(relative_error: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Turn relative errors (H, W) into confidence.

    Args:
        relative_error: one standard deviation of a pixel's depth over its depth.
        sky: (H, W) bool, whose confidence is fixed.

    Returns:
        (H, W) float32, 0..1.
    """
    ratio = relative_error / HALF_CONFIDENCE_ERROR
    confidence = 1 / (1 + ratio**2)
    return np.where(sky, SKY_CONFIDENCE, confidence).astype(np.float32)
