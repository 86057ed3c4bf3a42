"""Focal length, gravity and sky of a photo, found together: sky lies above the horizon."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .gravity import DEFAULT_FOCAL, Gravity, find_focal, find_gravity
from .lines import LINE_SIDE, Lines, find_lines
from .sky import find_sky, looks_like_sky

# Sources of a focal length, for people.
FROM_LINES = "from vanishing points"
DEFAULT = "assumed"

_SKY_SAMPLES = 300  # pixels of the sky that are held against the horizon
# It parts doubtful walls and ceilings from real skies on 31 photos, in- and outdoors.
_LEAST_PLAUSIBLE = 0.45
_DROP_WEIGHT = 2.0  # of the score that gravity loses when the sky must stand above the horizon


@dataclass(frozen=True, eq=False)
class Pose:
    """The camera as lines and sky tell it."""

    focal: float  # pixels of the grid
    focal_from: str  # FROM_LINES, DEFAULT, or where the caller knows it from
    gravity: Gravity
    sky: np.ndarray  # (H, W) bool


def find_pose(colours: np.ndarray, focal: float | None, focal_from: str = "given") -> Pose:
    """Find tilt and sky, and the focal length in pixels where it is not given.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        focal: pixels of this grid, or None.
        focal_from: the source of that number, for people.
    """
    # Lines are found on a small grey picture, and put back on the grid.
    height, width = colours.shape[:2]
    scale = min(1.0, LINE_SIDE / max(height, width))
    size = round(width * scale), round(height * scale)
    grey = cv2.cvtColor(np.clip(colours, 0, 1), cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    grey = (grey * 255 + 0.5).astype(np.uint8)
    lines = _scaled(find_lines(grey), 1 / scale)
    sky = find_sky(colours)
    # A bright wall passes for sky; then the horizon would have to lie where lines deny it.
    if sky.any():
        with_sky = _pose(lines, focal, focal_from, sky)
        free = find_gravity(lines, with_sky.focal)
        doubt = _DROP_WEIGHT * max(0.0, free.score - with_sky.gravity.score)
        if looks_like_sky(sky, colours) - doubt > _LEAST_PLAUSIBLE:
            return with_sky
    return _pose(lines, focal, focal_from, np.zeros_like(sky))


def _pose(lines: Lines, focal: float | None, source: str, sky: np.ndarray) -> Pose:
    """Find the focal length, then gravity, with this sky above the horizon."""
    height, width = sky.shape
    rows, columns = np.nonzero(sky)
    step = max(1, len(rows) // _SKY_SAMPLES)
    # Pixels from the picture's middle.
    x = columns[::step] + 0.5 - width / 2
    y = rows[::step] + 0.5 - height / 2
    samples = np.column_stack([x, y])
    longer_side = max(height, width)
    if focal is None:
        focal = find_focal(lines, longer_side, samples)
        source = FROM_LINES
    if focal is None:
        focal = DEFAULT_FOCAL * longer_side
        source = DEFAULT
    return Pose(focal, source, find_gravity(lines, focal, samples), sky)


def _scaled(lines: Lines, factor: float) -> Lines:
    """Put segments on a grid that is finer by a factor."""
    return replace(lines, middle=lines.middle * factor, length=lines.length * factor)
