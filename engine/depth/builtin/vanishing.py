"""Search of the camera pose whose vanishing points the lines of a photo support best.

A line supports a vanishing point by the angle, in the picture, between the line and the direction
from its middle to that point (as in Tardif 2009). Each line counts for the best supported of three
directions: the vertical and a pair of horizontal ones at right angles. The score of a pose is the
weighted mean of that support over all lines, less what an unusual pose costs (Coughlan and Yuille
1999, but searched on a grid of pitch, roll and azimuth instead of sampled).
"""

from typing import NamedTuple

import numpy as np

from ...geometry import LOOK_ALONG_Y, rotation_about
from .lines import Lines

# The prior prefers a level camera. Its weight is the most that it costs, in score; at 0.12 and
# above it pulls indoor photos to a false level (measured).
_PRIOR_WEIGHT = 0.05
_PRIOR_PITCH = np.radians(25)  # a pitch that costs half of the weight, without roll
_PRIOR_ROLL = np.radians(6)  # a roll that costs half of the weight, without pitch

_SUNKEN_SKY_COST = 0.6  # in score, where all of the sky lies below the horizon
_SKY_SLACK = 0.02  # radians below the horizon; haze and water there are taken for sky
_TINY = np.float32(1e-12)  # keeps a line whose middle is the vanishing point from dividing by zero


class Pose(NamedTuple):
    """One pose of the search, and its score."""

    score: float
    pitch: float  # radians
    roll: float  # radians
    azimuth: float  # radians


class Rays:
    """Segments on the plane one focal length away, with weights that sum to one."""

    def __init__(self, lines: Lines, focal: float, sky: np.ndarray | None = None) -> None:
        """Divide by the focal length.

        Args:
            lines: N segments in pixels from the principal point.
            focal: pixels.
            sky: (M, 2) pixels from the principal point that are sky; or None.
        """
        self.sky: np.ndarray | None = None  # (M, 3) rays of the sky's pixels, z = 1
        if sky is not None and len(sky):
            ones = np.ones(len(sky))
            self.sky = np.column_stack([sky / focal, ones])
        middle = lines.middle / focal
        self.middle = middle.astype(np.float32)  # (N, 2)
        self.direction = lines.direction  # (N, 2)
        # The square root of the length: one long edge must not outvote all others.
        weight = np.sqrt(lines.length)
        weight = weight / weight.sum()
        self.weight = weight.astype(np.float32)  # (N,)

    def support(self, directions: np.ndarray, width: float) -> np.ndarray:
        """Compute how well each line points to the vanishing point of each direction.

        Args:
            directions: (K, 3) unit, camera frame.
            width: radians at which support ends (Tukey's biweight).

        Returns:
            (K, N) float32, 0..1.
        """
        directions = directions.astype(np.float32)
        x = directions[:, :1]
        y = directions[:, 1:2]
        z = directions[:, 2:]
        # The vanishing point is (x / z, y / z); times z, the way there is finite at infinity too.
        middle_x, middle_y = self.middle.T
        towards_x = x - middle_x * z  # [K, N]
        towards_y = y - middle_y * z

        # The cross product with a line's unit direction is the sine of the angle times the length.
        line_x, line_y = self.direction.T
        cross = towards_x * line_y - towards_y * line_x
        length_squared = towards_x * towards_x + towards_y * towards_y + _TINY
        sine_squared = cross * cross / length_squared

        # Tukey's biweight of the sine, which reaches 0 at the width.
        widest = np.sin(width)
        per_width = np.float32(1 / widest**2)
        closeness = np.maximum(1 - sine_squared * per_width, 0)
        return np.square(closeness)

    def sunken_sky_cost(self, rotation: np.ndarray) -> float:
        """Return the score lost to sky below the horizon of a pose, `world_from_camera` (3, 3)."""
        if self.sky is None:
            return 0.0
        height = self.sky @ rotation[2]  # [M], of each ray's end over the camera
        sunken = height < -_SKY_SLACK
        return _SUNKEN_SKY_COST * float(sunken.mean())


def search(
    rays: Rays,
    pitches: np.ndarray,
    rolls: np.ndarray,
    azimuths: np.ndarray,
    width: float,
) -> Pose:
    """Find the best pose of a grid.

    Args:
        rays: lines and sky.
        pitches: radians, those to try.
        rolls: radians, those to try.
        azimuths: radians; the second half holds the right angle of each one in the first half.
        width: radians at which a line's support ends.
    """
    half = len(azimuths) // 2
    spins = [_spin(roll) for roll in rolls]
    world = _manhattan_directions(azimuths)  # [2 half + 1, 3], the vertical last
    best = Pose(-np.inf, 0.0, 0.0, 0.0)
    for pitch in pitches:
        tilt = _tilt(pitch)
        for roll, spin in zip(rolls, spins, strict=True):
            rotation = tilt @ spin
            support = rays.support(world @ rotation, width)  # [2 half + 1, N]
            # Each line belongs to the one of the three directions that it supports best.
            along = support[:half]
            across = support[half:-1]
            vertical = support[-1]
            horizontal = np.maximum(along, across)
            best_support = np.maximum(horizontal, vertical)  # [half, N]
            totals = best_support @ rays.weight  # [half]
            top = int(np.argmax(totals))

            score = float(totals[top])
            score -= _prior_cost(pitch, roll)
            score -= rays.sunken_sky_cost(rotation)
            if score > best.score:
                best = Pose(
                    score=score,
                    pitch=float(pitch),
                    roll=float(roll),
                    azimuth=float(azimuths[top]),
                )
    return best


def _manhattan_directions(azimuths: np.ndarray) -> np.ndarray:
    """Unit directions (A + 1, 3) in the world: A horizontal ones, then the vertical."""
    east = np.cos(azimuths)
    north = np.sin(azimuths)
    level = np.zeros_like(azimuths)
    horizontal = np.stack([east, north, level], axis=1)
    vertical = [[0, 0, 1]]
    return np.vstack([horizontal, vertical])


def _prior_cost(pitch: float, roll: float) -> float:
    """Return the score lost to an unusual tilt.

    It levels off, so that a steep photo with clear lines stays steep.
    """
    pitch_ratio = pitch / _PRIOR_PITCH
    roll_ratio = roll / _PRIOR_ROLL
    tilt = pitch_ratio**2 + roll_ratio**2
    return _PRIOR_WEIGHT * float(tilt / (1 + tilt))


def rotation_of(pitch: float, roll: float) -> np.ndarray:
    """`world_from_camera` (3, 3): roll about the view axis, then pitch about the world's X."""
    return _tilt(pitch) @ _spin(roll)


def _tilt(pitch: float) -> np.ndarray:
    """Rotate a camera that looks along the world's +Y about the world's X, (3, 3)."""
    x_axis = np.array([1.0, 0, 0])
    return rotation_about(x_axis, pitch) @ LOOK_ALONG_Y


def _spin(roll: float) -> np.ndarray:
    """Rotate about the camera's view axis, (3, 3)."""
    view_axis = np.array([0, 0, 1.0])
    return rotation_about(view_axis, roll)
