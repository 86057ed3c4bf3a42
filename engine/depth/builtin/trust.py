"""How far a measured depth is to be trusted: its relative error, what of it is a guess, and the words for the artist."""

from dataclasses import dataclass

import cv2
import numpy as np

from ...camera import View
from .layout import Layout
from .pose import DEFAULT, FROM_LINES, Pose
from .relief import Relief

# Relative standard deviations, from photos with measured depth.
_HEIGHT_GIVEN, _HEIGHT_OUTDOORS, _HEIGHT_INDOORS = 0.03, 0.15, 0.35
_FOCAL_ERRORS = {FROM_LINES: 0.12, DEFAULT: 0.25}
_FOCAL_KNOWN = 0.02
_UPRIGHT, _DOUBT = (
    0.3,
    0.25,
)  # of upright surfaces, and what disagreement with the usual distance adds
_UPRIGHT_SEEN = 0.15  # where a network sees them, beside the spread that it expects
_DISAGREEMENT = 0.5  # of network and planes, in logarithms
_GUESS = 0.8  # of a photo that says nothing
_MOST = 1.0
_HALF = 0.35  # relative error at which confidence is one half
# The sky's own distance is unknown, but at that distance it moves no pixel: neither sure nor doubtful.
_SKY_ERROR, _SKY_CONFIDENCE = 0.5, 0.6

NOTHING_TO_MEASURE = (
    "This photo shows no straight lines, horizon or sky to measure from: its depth is a guess, a floor and a backdrop; "
    "expect only small camera moves to look right."
)
ASSUMED = "This photo does not tell {what}, so that is assumed: the metres are rough. Give what you know and reconstruct again."


@dataclass(frozen=True)
class Trust:
    """What the errors of a measurement rest on."""

    height_error: float  # relative
    focal_error: float  # relative
    tilt_error: float  # radians
    guess: bool  # nothing in the photo speaks
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, found: Pose, indoors: bool, camera_height: float | None) -> "Trust":
        """Judge a pose; `camera_height` is None where it was assumed."""
        usual = _HEIGHT_INDOORS if indoors else _HEIGHT_OUTDOORS
        guess = not found.gravity.trusted and not found.sky.any()
        return cls(
            height_error=_HEIGHT_GIVEN if camera_height else usual,
            focal_error=_FOCAL_ERRORS.get(found.focal_from, _FOCAL_KNOWN),
            tilt_error=found.gravity.sigma,
            guess=guess,
            warnings=(NOTHING_TO_MEASURE,) if guess else _assumptions(found),
        )

    def relative_error(
        self,
        view: View,
        depth: np.ndarray,
        ground: np.ndarray,
        sky: np.ndarray,
        layout: Layout,
        relief: Relief | None = None,
    ) -> np.ndarray:
        """One standard deviation of each pixel's depth over its depth, (H, W) float32, at most 1.

        Args:
            view: of the maps.
            depth: (H, W) metres.
            ground: (H, W) bool.
            sky: (H, W) bool.
            layout: what stands on the ground.
            relief: what a network says, if one was asked: where it disagrees, expects a spread, or draws a silhouette,
                there is more doubt.
        """
        rays = view.rays() @ view.world_from_camera[:3, :3].T
        lengths = depth * np.hypot(rays[..., 0], rays[..., 1]) / view.position[2]
        # A ground point at `lengths` camera heights moves by (1 + lengths^2) heights a radian of tilt.
        floor = self.tilt_error * (lengths + 1 / np.maximum(lengths, 0.1))
        upright = np.hypot(
            _UPRIGHT if relief is None else _UPRIGHT_SEEN, _DOUBT * layout.doubt[layout.piece(rays)]
        )
        if relief is not None:
            upright = np.hypot(
                upright, _DISAGREEMENT * np.abs(relief.smooth_log_depth - np.log(depth))
            )
        common = self.height_error**2 + self.focal_error**2 + (_GUESS**2 if self.guess else 0.0)
        relative = np.sqrt(np.where(ground, np.minimum(floor, upright), upright) ** 2 + common)
        if relief is not None:
            spread = cv2.resize(
                relief.prediction.spread, (view.width, view.height), interpolation=cv2.INTER_LINEAR
            )
            relative = np.hypot(relative, spread) * (1 + relief.edge_nearness)
        return np.where(sky, _SKY_ERROR, np.minimum(relative, _MOST)).astype(np.float32)

    def confidence(self, relative: np.ndarray, sky: np.ndarray) -> np.ndarray:
        """(H, W) float32, 0..1: one half at a relative error of a third."""
        return np.where(sky, _SKY_CONFIDENCE, 1 / (1 + (relative / _HALF) ** 2)).astype(np.float32)


def _assumptions(found: Pose) -> tuple[str, ...]:
    """A sentence on what had to be assumed, if anything; the camera's height always is, and the source says so."""
    missing = []
    if found.focal_from == DEFAULT:
        missing.append("its focal length")
    if not found.gravity.trusted:
        missing.append("how the camera was tilted")
    return (ASSUMED.format(what=" or ".join(missing)),) if missing else ()
