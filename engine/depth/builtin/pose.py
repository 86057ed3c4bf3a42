"""Focal length, gravity and sky of a photo, found together because each depends on the others.

Lines give the focal length and gravity. Gravity gives the horizon, and all sky lies above it: a
bright surface that contradicts the horizon is a wall or a ceiling, and is not taken for sky.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .gravity import DEFAULT_FOCAL, Gravity, find_focal, find_gravity
from .lines import LINE_SIDE, Lines, find_lines
from .sky import find_sky, looks_like_sky

FROM_LINES = "from vanishing points"
DEFAULT = "assumed"

_SKY_SAMPLES = 300  # pixels of the sky that are compared with the horizon
# Parts doubtful walls and ceilings from real skies on 31 photos, in- and outdoors.
_LEAST_PLAUSIBLE = 0.45
# Of the score that gravity loses when the sky must lie above the horizon.
_DROP_WEIGHT = 2.0


@dataclass(frozen=True, eq=False)
class Pose:
    """Focal length and tilt of the camera, and the sky, as lines and colours show them."""

    focal: float  # pixels of the grid
    focal_from: str  # FROM_LINES, DEFAULT, or the caller's own source
    gravity: Gravity
    sky: np.ndarray  # (H, W) bool


def find_pose(colours: np.ndarray, focal: float | None, focal_from: str = "given") -> Pose:
    """Find tilt and sky, and the focal length in pixels if it is not given.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        focal: pixels of this grid, or None.
        focal_from: source of a given focal length, for the record.
    """
    lines = _find_lines(colours)
    sky = find_sky(colours)
    if sky.any():
        pose_with_sky = _pose_above(lines, focal, focal_from, sky)

        # A wall that was taken for sky keeps the horizon from where the lines put it, and so
        # lowers the score of gravity.
        free_gravity = find_gravity(lines, pose_with_sky.focal)
        score_drop = free_gravity.score - pose_with_sky.gravity.score
        doubt = _DROP_WEIGHT * max(0.0, score_drop)
        plausibility = looks_like_sky(sky, colours) - doubt
        if plausibility > _LEAST_PLAUSIBLE:
            return pose_with_sky

    no_sky = np.zeros_like(sky)
    return _pose_above(lines, focal, focal_from, no_sky)


def _find_lines(colours: np.ndarray) -> Lines:
    """Find the line segments of a picture (H, W, 3), in its own pixels."""
    height, width = colours.shape[:2]
    # The detector is tuned for one size: larger pictures are shrunk to it.
    scale = min(1.0, LINE_SIDE / max(height, width))
    size = round(width * scale), round(height * scale)
    grey = cv2.cvtColor(np.clip(colours, 0, 1), cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    grey_levels = (grey * 255 + 0.5).astype(np.uint8)
    lines = find_lines(grey_levels)

    enlargement = 1 / scale
    return replace(
        lines,
        middle=lines.middle * enlargement,
        length=lines.length * enlargement,
    )


def _pose_above(lines: Lines, focal: float | None, focal_from: str, sky: np.ndarray) -> Pose:
    """Find the focal length and then gravity, such that a sky (H, W) lies above the horizon."""
    height, width = sky.shape
    longer_side = max(height, width)
    samples = _sky_samples(sky)

    # Without vanishing points, as in a meadow, the usual focal length is the best guess.
    if focal is None:
        focal = find_focal(lines, longer_side, samples)
        focal_from = FROM_LINES
    if focal is None:
        focal = DEFAULT_FOCAL * longer_side
        focal_from = DEFAULT

    gravity = find_gravity(lines, focal, samples)
    return Pose(focal, focal_from, gravity, sky)


def _sky_samples(sky: np.ndarray) -> np.ndarray:
    """Return evenly drawn pixels of a sky (H, W), (N, 2) x y from the picture's middle."""
    height, width = sky.shape
    rows, columns = np.nonzero(sky)
    step = max(1, len(rows) // _SKY_SAMPLES)
    # Pixel centres, from the principal point.
    x = columns[::step] + 0.5 - width / 2
    y = rows[::step] + 0.5 - height / 2
    return np.column_stack([x, y])
