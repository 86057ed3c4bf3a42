"""Gravity and focal length from the straight lines of a photo.

In a Manhattan world most lines run along three directions at right angles, one of them vertical.
The pose and the focal length whose vanishing points the lines support best are searched on grids,
coarse ones before finer ones.
"""

from dataclasses import dataclass, replace

import numpy as np

from .lines import Lines
from .vanishing import Rays, rotation_of, search

LEAST_LINES = 8  # segments; fewer do not make a frame of three directions
_LEAST_SCORE = 0.22  # below this the best pose is as good as chance (measured on photos)

_MAX_PITCH = np.radians(48)  # end of the search, up and down
_MAX_ROLL = np.radians(18)  # end of the search, to both sides
_STEP = np.radians(3)  # of pitch and roll in the first, coarse search
_FINE_STEPS = np.radians([1.0, 0.3, 0.1])  # of pitch and roll in the searches that follow
_FINE_OFFSETS = np.arange(-3, 4)  # steps to both sides of the best pose so far
# A line this far off in the picture gives no support at all: about 2.5 standard deviations of the
# directions that LSD measures.
_COARSE_WIDTH = np.radians(6)  # in the coarse search, whose poses are a few degrees off themselves
_FINE_WIDTH = np.radians(4)  # in the searches that follow

_AZIMUTHS = 90  # directions of the half circle, 2 degrees apart
_FINE_AZIMUTH_OFFSETS = np.arange(-6, 7)  # steps to both sides of the best azimuth so far
_MOST_AZIMUTH_STEP = np.radians(2) / 6  # so that they reach no farther than the next azimuth

_SWEEP_LINES = 200  # the longest; a focal length is searched with these alone, for speed
_SWEEP_STEP = np.radians(5)  # of pitch and roll while a focal length is searched
_SWEEP_FINE_OFFSETS = np.arange(-2, 3) * _SWEEP_STEP / 4  # radians, for the second round
_SWEEP_AZIMUTH_STEP = np.pi / 60  # 3 degrees
# Focal lengths over the longer side of the picture: 96 to 24 degrees of view.
_FOCALS = np.geomspace(0.45, 2.4, 10)
DEFAULT_FOCAL = 0.85  # of the longer side: the main camera of most phones
# Score lost by a focal length that is e times the default; 0.05 to 0.12 do equally well on photos.
_FOCAL_PRIOR = 0.12
# Scores of neighbouring focal lengths are averaged: a sharp peak is an accident of the grid.
_NEIGHBOUR_WEIGHTS = np.array([0.25, 0.5, 0.25])

_LEVEL_SD = np.radians(0.7)  # error of a pitch that lines tell
_GUESSED_SD = np.radians(8)  # error of a pitch that was assumed
_SKY_PERCENTILE = 98  # of the rows of the sky: the lowest 2 percent may be anything


@dataclass(frozen=True)
class Gravity:
    """The camera's tilt, and how it is known."""

    pitch: float  # radians, up is positive
    roll: float  # radians about the view axis, clockwise in the picture is positive
    # Direction of one family of horizontal lines, in the world's floor: radians from +X.
    azimuth: float
    score: float  # 0..1, mean support of the lines
    lines: int  # number of segments that were asked
    trusted: bool  # False: level was assumed

    @property
    def rotation(self) -> np.ndarray:
        """`world_from_camera` rotation, (3, 3)."""
        return rotation_of(self.pitch, self.roll)

    @property
    def sigma(self) -> float:
        """One standard deviation of pitch, radians."""
        return float(_LEVEL_SD if self.trusted else _GUESSED_SD)


def find_gravity(lines: Lines, focal: float, sky: np.ndarray | None = None) -> Gravity:
    """Search pitch and roll for a known focal length; assume a level camera where lines tell none.

    Args:
        lines: segments in pixels from the principal point.
        focal: pixels.
        sky: (M, 2) pixels from the principal point that are sky, and so above the horizon; or None.
    """
    if len(lines) < LEAST_LINES:
        return _level(lines, focal, sky, 0.0)
    rays = Rays(lines, focal, sky)

    # The score has many peaks, so all poses are tried coarsely before the best one is refined.
    pitches = _axis(_MAX_PITCH, _STEP)
    rolls = _axis(_MAX_ROLL, _STEP)
    half_circle = np.arange(_AZIMUTHS)
    azimuths = half_circle * np.pi / _AZIMUTHS
    best = search(rays, pitches, rolls, azimuths, _COARSE_WIDTH)
    for step in _FINE_STEPS:
        offsets = _FINE_OFFSETS * step
        pitches = best.pitch + offsets
        rolls = best.roll + offsets
        azimuths = _azimuths_around(best.azimuth, step)
        best = search(rays, pitches, rolls, azimuths, _FINE_WIDTH)

    if best.score < _LEAST_SCORE:
        score = max(best.score, 0.0)
        return _level(lines, focal, sky, score)
    return Gravity(
        pitch=float(best.pitch),
        roll=float(best.roll),
        azimuth=float(best.azimuth % (np.pi / 2)),
        score=float(best.score),
        lines=len(lines),
        trusted=True,
    )


def turned_so(gravity: Gravity, up: np.ndarray) -> Gravity:
    """Return the same gravity with another tilt, within the limits of the search.

    Args:
        gravity: its azimuth, score and trust are kept.
        up: (3,) the world's up in the camera's axes, of any length.
    """
    up = up / np.linalg.norm(up)
    right, down, forward = up
    sine = np.clip(forward, -1, 1)
    pitch = np.arcsin(sine)
    roll = np.arctan2(-right, -down)
    pitch = np.clip(pitch, -_MAX_PITCH, _MAX_PITCH)
    roll = np.clip(roll, -_MAX_ROLL, _MAX_ROLL)
    return replace(
        gravity,
        pitch=float(pitch),
        roll=float(roll),
    )


def _level(lines: Lines, focal: float, sky: np.ndarray | None, score: float) -> Gravity:
    """Assume no roll, and the smallest upward pitch that has the sky above the horizon."""
    pitch = 0.0
    if sky is not None and len(sky):
        rows = sky[:, 1]
        lowest_row = np.percentile(rows, _SKY_PERCENTILE)
        slope = lowest_row / focal
        pitch = max(0.0, float(np.arctan(slope)))
    return Gravity(
        pitch=min(pitch, _MAX_PITCH),
        roll=0.0,
        azimuth=0.0,
        score=score,
        lines=len(lines),
        trusted=False,
    )


def find_focal(lines: Lines, side: int, sky: np.ndarray | None = None) -> float | None:
    """Find the focal length whose vanishing points fit best.

    Args:
        lines: segments in pixels.
        side: the longer side of their picture, pixels.
        sky: as for `find_gravity`.

    Returns:
        Pixels; None where the lines do not tell it.
    """
    if len(lines) < 2 * LEAST_LINES:
        return None
    longest = lines.longest(_SWEEP_LINES)
    scores = []
    for ratio in _FOCALS:
        rays = Rays(longest, ratio * side, sky)
        scores.append(_best_score(rays))

    # Neighbours are averaged before the prior is taken off: the prior is smooth already.
    padded = np.pad(scores, 1, mode="edge")
    score = np.convolve(padded, _NEIGHBOUR_WEIGHTS, "valid")
    log_ratio = np.log(_FOCALS / DEFAULT_FOCAL)
    score -= _FOCAL_PRIOR * log_ratio**2
    top = int(np.argmax(score))
    if score[top] < _LEAST_SCORE:
        return None
    log_focal = _parabola_peak(np.log(_FOCALS), score, top)
    return float(np.exp(log_focal)) * side


def _best_score(rays: Rays) -> float:
    """Return the score of the best pose, searched in two rounds."""
    pitches = _axis(_MAX_PITCH, _SWEEP_STEP)
    rolls = _axis(_MAX_ROLL, _SWEEP_STEP)
    azimuths = np.arange(0, np.pi, _SWEEP_AZIMUTH_STEP)
    best = search(rays, pitches, rolls, azimuths, _COARSE_WIDTH)
    # The second round fills the gaps of the first one's grid, half a step to each side.
    pitches = best.pitch + _SWEEP_FINE_OFFSETS
    rolls = best.roll + _SWEEP_FINE_OFFSETS
    best = search(rays, pitches, rolls, azimuths, _FINE_WIDTH)
    return best.score


def _axis(most: float, step: float) -> np.ndarray:
    """Steps from -most to most through 0."""
    count = round(most / step)
    numbers = np.arange(-count, count + 1)
    return numbers * step


def _azimuths_around(azimuth: float, step: float) -> np.ndarray:
    """Azimuths near one in the first half, their right angles in the second."""
    step = min(step, _MOST_AZIMUTH_STEP)
    near = azimuth + _FINE_AZIMUTH_OFFSETS * step
    right_angles = near + np.pi / 2
    return np.concatenate([near, right_angles])


def _parabola_peak(x: np.ndarray, y: np.ndarray, top: int) -> float:
    """Return the x where the parabola through the highest y and its two neighbours peaks."""
    if not 0 < top < len(x) - 1:
        return float(x[top])
    near_x = x[top - 1 : top + 2]
    near_y = y[top - 1 : top + 2]
    a, b, _ = np.polyfit(near_x, near_y, 2)
    if a >= 0:  # the three are level within rounding
        return float(x[top])
    peak = -b / (2 * a)
    return float(np.clip(peak, near_x[0], near_x[-1]))
