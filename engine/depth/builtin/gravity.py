"""Which way is down, and how long is the lens: a Manhattan world's vanishing points, scored over pitch and roll.

A line supports a vanishing point by the angle, in the picture, between itself and the way from its middle to that point
(as in Tardif 2009). A pose's score is the length-weighted mean support of each line's best of the vertical and the best
orthogonal pair of horizontal directions (Coughlan and Yuille 1999, searched on a grid instead of sampled).
"""

from dataclasses import dataclass, replace

import numpy as np

from ...geometry import LOOK_ALONG_Y, rotation_about
from .lines import Lines

LEAST_LINES = 8  # fewer do not make a frame of three directions
_LEAST_SCORE = 0.22  # below this the best pose is as good as chance (measured on photos)
_PRIOR = 0.05  # weight of the level prior; at 0.12 and above it pulls indoor photos to a false level (measured)
_PRIOR_PITCH, _PRIOR_ROLL = np.radians(25), np.radians(6)
_SUNKEN_SKY = 0.6  # score lost where all sky lies below the horizon
_SKY_SLACK = 0.02  # radians; haze and water at the horizon are taken for sky
_MAX_PITCH, _MAX_ROLL = np.radians(48), np.radians(18)
_STEP = np.radians(3)
_FINE_STEPS = np.radians([1.0, 0.3, 0.1])
# A line this far off in the picture gives no support at all: about 2.5 standard deviations of LSD's directions.
_COARSE_WIDTH, _FINE_WIDTH = np.radians(6), np.radians(4)
_AZIMUTHS = 90  # directions of the half circle, 2 degrees apart
_FINE_AZIMUTH_SPAN = np.radians(2)
_SWEEP_LINES, _SWEEP_STEP = 200, np.radians(5)
# Focal lengths over the longer side of the picture: 96 to 24 degrees of view.
_FOCALS = np.geomspace(0.45, 2.4, 10)
DEFAULT_FOCAL = 0.85  # of the longer side: the main camera of most phones
_FOCAL_PRIOR = (
    0.12  # score lost a factor e away from the default; 0.05 to 0.12 do equally well on photos
)
_NEIGHBOURS = np.array(
    [0.25, 0.5, 0.25]
)  # scores are smoothed: a sharp peak is an accident of the grid
_LEVEL_SD, _GUESSED_SD = np.radians(0.7), np.radians(8)


@dataclass(frozen=True)
class Gravity:
    """The camera's tilt, and how it is known."""

    pitch: float  # radians, up is positive
    roll: float  # radians about the view axis, clockwise in the picture is positive
    azimuth: float  # radians in the world's floor from +X: the direction of one family of horizontal lines
    score: float  # 0..1, mean support of the lines
    lines: int  # how many segments spoke
    trusted: bool  # False: level was assumed

    @property
    def rotation(self) -> np.ndarray:
        """`world_from_camera` rotation, (3, 3)."""
        return _rotation(self.pitch, self.roll)

    @property
    def sigma(self) -> float:
        """One standard deviation of pitch, radians."""
        return float(_LEVEL_SD if self.trusted else _GUESSED_SD)


def find_gravity(lines: Lines, focal: float, sky: np.ndarray | None = None) -> Gravity:
    """Search pitch and roll for a known focal length; level where the lines say nothing.

    Args:
        lines: segments in pixels from the principal point.
        focal: pixels.
        sky: (M, 2) pixels from the principal point that are sky, and so above the horizon; or None.
    """
    if len(lines) < LEAST_LINES:
        return _level(lines, focal, sky, 0.0)
    rays = _Rays(lines, focal, sky)
    azimuths = np.arange(_AZIMUTHS) * np.pi / _AZIMUTHS
    best = _search(rays, _axis(_MAX_PITCH, _STEP), _axis(_MAX_ROLL, _STEP), azimuths, _COARSE_WIDTH)
    for step in _FINE_STEPS:
        near = np.arange(-3, 4) * step
        best = _search(rays, best[1] + near, best[2] + near, _around(best[3], step), _FINE_WIDTH)
    score, pitch, roll, azimuth = best
    if score < _LEAST_SCORE:
        return _level(lines, focal, sky, max(score, 0.0))
    return Gravity(
        float(pitch), float(roll), float(azimuth % (np.pi / 2)), float(score), len(lines), True
    )


def turned_so(gravity: Gravity, up: np.ndarray) -> Gravity:
    """The same with the tilt that has the world's up (3,), of any length, so in the camera's axes."""
    up = up / np.linalg.norm(up)
    pitch, roll = np.arcsin(np.clip(up[2], -1, 1)), np.arctan2(-up[0], -up[1])
    return replace(
        gravity,
        pitch=float(np.clip(pitch, -_MAX_PITCH, _MAX_PITCH)),
        roll=float(np.clip(roll, -_MAX_ROLL, _MAX_ROLL)),
    )


def _level(lines: Lines, focal: float, sky: np.ndarray | None, score: float) -> Gravity:
    """No roll, and the pitch that is nearest to none with the sky above the horizon."""
    pitch = 0.0
    if sky is not None and len(sky):
        pitch = max(0.0, float(np.arctan(np.percentile(sky[:, 1], 98) / focal)))
    return Gravity(min(pitch, _MAX_PITCH), 0.0, 0.0, score, len(lines), False)


def find_focal(lines: Lines, side: int, sky: np.ndarray | None = None) -> float | None:
    """The focal length in pixels whose vanishing points fit best, or None where the lines do not say.

    Args:
        lines: segments in pixels.
        side: the longer side of their picture, pixels.
        sky: as for `find_gravity`.
    """
    if len(lines) < 2 * LEAST_LINES:
        return None
    azimuths = np.arange(0, np.pi, np.pi / 60)
    pitches, rolls = _axis(_MAX_PITCH, _SWEEP_STEP), _axis(_MAX_ROLL, _SWEEP_STEP)
    scores = []
    for ratio in _FOCALS:
        rays = _Rays(lines.longest(_SWEEP_LINES), ratio * side, sky)
        best = _search(rays, pitches, rolls, azimuths, _COARSE_WIDTH)
        near = np.arange(-2, 3) * _SWEEP_STEP / 4
        best = _search(rays, best[1] + near, best[2] + near, azimuths, _FINE_WIDTH)
        scores.append(best[0])
    score = np.convolve(np.pad(scores, 1, mode="edge"), _NEIGHBOURS, "valid")
    score -= _FOCAL_PRIOR * np.log(_FOCALS / DEFAULT_FOCAL) ** 2
    top = int(np.argmax(score))
    if score[top] < _LEAST_SCORE:
        return None
    return _parabola_peak(np.log(_FOCALS), score, top) * side


class _Rays:
    """Segments on the plane one focal length away, with weights that sum to one."""

    def __init__(self, lines: Lines, focal: float, sky: np.ndarray | None = None) -> None:
        self.sky = (
            None
            if sky is None or not len(sky)
            else np.column_stack([sky / focal, np.ones(len(sky))])
        )
        self.middle = (lines.middle / focal).astype(np.float32)
        self.direction = lines.direction
        # The square root: one long edge must not outvote all others.
        weight = np.sqrt(lines.length)
        self.weight = (weight / weight.sum()).astype(np.float32)

    def support(self, directions: np.ndarray, width: float) -> np.ndarray:
        """How well each line points to each direction's vanishing point.

        Args:
            directions: (K, 3) unit, camera frame.
            width: radians at which support ends (Tukey's biweight).

        Returns:
            (K, N) float32, 0..1.
        """
        d = directions.astype(np.float32)
        tx = d[:, :1] - self.middle[:, 0] * d[:, 2:]
        ty = d[:, 1:2] - self.middle[:, 1] * d[:, 2:]
        cross = tx * self.direction[:, 1] - ty * self.direction[:, 0]
        sine2 = cross * cross / (tx * tx + ty * ty + np.float32(1e-12))
        return np.square(np.maximum(1 - sine2 * np.float32(1 / np.sin(width) ** 2), 0))

    def sunken_sky(self, rotation: np.ndarray) -> float:
        """What sky below the horizon costs."""
        if self.sky is None:
            return 0.0
        return _SUNKEN_SKY * float((self.sky @ rotation[2] < -_SKY_SLACK).mean())


def _search(
    rays: _Rays, pitches: np.ndarray, rolls: np.ndarray, azimuths: np.ndarray, width: float
) -> tuple[float, float, float, float]:
    """Score, pitch, roll and azimuth of the best pose; `azimuths` hold each direction and its right angle, in halves."""
    half = len(azimuths) // 2
    best = (-np.inf, 0.0, 0.0, 0.0)
    spins = [_spin(roll) for roll in rolls]
    horizontal = np.stack([np.cos(azimuths), np.sin(azimuths), np.zeros_like(azimuths)], axis=1)
    world = np.vstack([horizontal, [[0, 0, 1]]])
    for pitch in pitches:
        tilt = _tilt(pitch)
        for roll, spin in zip(rolls, spins, strict=True):
            rotation = tilt @ spin
            support = rays.support(world @ rotation, width)
            pair = np.maximum(np.maximum(support[:half], support[half:-1]), support[-1])
            totals = pair @ rays.weight
            top = int(np.argmax(totals))
            score = float(totals[top]) - _prior(pitch, roll) - rays.sunken_sky(rotation)
            if score > best[0]:
                best = (score, float(pitch), float(roll), float(azimuths[top]))
    return best


def _prior(pitch: float, roll: float) -> float:
    """What an unusual tilt costs; it levels off, so that a steep photo with clear lines stays steep."""
    tilt = (pitch / _PRIOR_PITCH) ** 2 + (roll / _PRIOR_ROLL) ** 2
    return _PRIOR * float(tilt / (1 + tilt))


def _rotation(pitch: float, roll: float) -> np.ndarray:
    """`world_from_camera` (3, 3): roll about the view axis, then pitch about the world's X."""
    return _tilt(pitch) @ _spin(roll)


def _tilt(pitch: float) -> np.ndarray:
    return rotation_about(np.array([1.0, 0, 0]), pitch) @ LOOK_ALONG_Y


def _spin(roll: float) -> np.ndarray:
    return rotation_about(np.array([0, 0, 1.0]), roll)


def _axis(most: float, step: float) -> np.ndarray:
    """-most..most through 0."""
    count = round(most / step)
    return np.arange(-count, count + 1) * step


def _around(azimuth: float, step: float) -> np.ndarray:
    """Azimuths near one, and their right angles, in halves."""
    near = azimuth + np.arange(-6, 7) * min(step, _FINE_AZIMUTH_SPAN / 6)
    return np.concatenate([near, near + np.pi / 2])


def _parabola_peak(x: np.ndarray, y: np.ndarray, top: int) -> float:
    """Exp of the x where the parabola through the peak and its neighbours is highest."""
    if not 0 < top < len(x) - 1:
        return float(np.exp(x[top]))
    a, b, _ = np.polyfit(x[top - 1 : top + 2], y[top - 1 : top + 2], 2)
    peak = -b / (2 * a) if a < 0 else x[top]
    return float(np.exp(np.clip(peak, x[top - 1], x[top + 1])))
