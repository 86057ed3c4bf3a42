"""Focal length, gravity and sky of a photo, found together: sky lies above the horizon, or it is a wall."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .gravity import DEFAULT_FOCAL, Gravity, find_focal, find_gravity
from .lines import LINE_SIDE, Lines, find_lines
from .sky import find_sky, looks_like_sky

FROM_LINES, DEFAULT = "from vanishing points", "assumed"

_SKY_SAMPLES = 300  # pixels of the sky that are held against the horizon
_LEAST_PLAUSIBLE = (
    0.45  # parts doubtful walls and ceilings from real skies on 31 photos, in- and outdoors
)
_DROP_WEIGHT = 2.0  # of the score that gravity loses when the sky must stand above the horizon


@dataclass(frozen=True, eq=False)
class Pose:
    """What lines and sky say about the camera."""

    focal: float  # pixels of the grid
    focal_from: str  # FROM_LINES, DEFAULT, or where the caller knows it from
    gravity: Gravity
    sky: np.ndarray  # (H, W) bool


def find_pose(colours: np.ndarray, focal: float | None, focal_from: str = "given") -> Pose:
    """Find tilt and sky, and the focal length in pixels where it is not given.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        focal: pixels of this grid, or None.
        focal_from: where it is known from.
    """
    height, width = colours.shape[:2]
    scale = min(1.0, LINE_SIDE / max(height, width))
    grey = cv2.cvtColor(np.clip(colours, 0, 1), cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(
        grey, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA
    )
    lines = _scaled(find_lines((grey * 255 + 0.5).astype(np.uint8)), 1 / scale)
    sky = find_sky(colours)
    if sky.any():
        with_sky = _pose(lines, focal, focal_from, sky)
        free = find_gravity(lines, with_sky.focal)
        doubt = _DROP_WEIGHT * max(0.0, free.score - with_sky.gravity.score)
        if looks_like_sky(sky, colours) - doubt > _LEAST_PLAUSIBLE:
            return with_sky
    return _pose(lines, focal, focal_from, np.zeros_like(sky))


def _pose(lines: Lines, focal: float | None, source: str, sky: np.ndarray) -> Pose:
    """Focal length first, then gravity, with this sky above the horizon."""
    height, width = sky.shape
    rows, columns = np.nonzero(sky)
    step = max(1, len(rows) // _SKY_SAMPLES)
    samples = np.column_stack([columns[::step] + 0.5 - width / 2, rows[::step] + 0.5 - height / 2])
    if focal is None:
        focal, source = find_focal(lines, max(height, width), samples), FROM_LINES
    if focal is None:
        focal, source = DEFAULT_FOCAL * max(height, width), DEFAULT
    return Pose(focal, source, find_gravity(lines, focal, samples), sky)


def _scaled(lines: Lines, factor: float) -> Lines:
    """Segments on a grid that is finer by a factor."""
    return replace(lines, middle=lines.middle * factor, length=lines.length * factor)
