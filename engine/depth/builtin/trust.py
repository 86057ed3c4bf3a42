"""Trust in a measured depth: its relative error, and the words for the artist."""

from dataclasses import dataclass

import cv2
import numpy as np

from ...camera import View
from ..confidence import MOST_ERROR, SKY_ERROR
from .layout import Layout
from .pose import DEFAULT, FROM_LINES, Pose
from .relief import Relief

# Relative standard deviations, from photos with measured depth.
_HEIGHT_GIVEN = 0.03  # of the camera's height, where the artist gave it
_HEIGHT_OUTDOORS = 0.15  # where it is assumed
_HEIGHT_INDOORS = 0.35
_FOCAL_ERRORS = {FROM_LINES: 0.12, DEFAULT: 0.25}  # of the focal length, by its source
_FOCAL_KNOWN = 0.02  # given, or from EXIF
_UPRIGHT = 0.3  # of the distance of an upright surface
_UPRIGHT_SEEN = 0.15  # the same where the network sees it; the spread that it expects is added
_DOUBT = 0.25  # added where the layout disagrees with the usual distance
_DISAGREEMENT = 0.5  # of the difference of network and planes in log depth
_GUESS = 0.8  # of a photo that says nothing
_NEAREST_GROUND = 0.1  # camera heights; nearer ground is right under the camera

NOTHING_TO_MEASURE = (
    "This photo shows no straight lines, horizon or sky to measure from: "
    "its depth is a guess, a floor and a backdrop; "
    "expect only small camera moves to look right."
)
ASSUMED = (
    "This photo does not tell {what}, so that is assumed: the metres are rough. "
    "Give what you know and reconstruct again."
)


@dataclass(frozen=True)
class Trust:
    """The errors that a measurement rests on."""

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
        """Estimate one standard deviation of each pixel's depth over its depth.

        Args:
            view: of the maps.
            depth: (H, W) metres.
            ground: (H, W) bool.
            sky: (H, W) bool.
            layout: the surfaces that stand on the ground.
            relief: the network's depth, if it was asked. Where it disagrees, expects a spread or
                draws a silhouette, there is more doubt.

        Returns:
            (H, W) float32, at most 1.
        """
        rays = view.rays() @ view.world_from_camera[:3, :3].T  # [H, W, 3], world
        on_ground = self._ground_error(view, rays, depth)
        upright = self._upright_error(rays, depth, layout, relief)
        # The ground is measured by the tilt, unless the layout knows better.
        own = np.where(ground, np.minimum(on_ground, upright), upright)
        # Errors of height and focal length scale the whole picture.
        common = self.height_error**2 + self.focal_error**2
        common += _GUESS**2 if self.guess else 0.0
        relative = np.sqrt(own**2 + common)
        if relief is not None:
            size = (view.width, view.height)
            spread = cv2.resize(relief.prediction.spread, size, interpolation=cv2.INTER_LINEAR)
            relative = np.hypot(relative, spread) * (1 + relief.edge_nearness)
        return np.where(sky, SKY_ERROR, np.minimum(relative, MOST_ERROR)).astype(np.float32)

    def _ground_error(self, view: View, rays: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Estimate the relative error of ground points (H, W) from that of the tilt."""
        camera_height = view.position[2]
        distance = depth * np.hypot(rays[..., 0], rays[..., 1]) / camera_height
        # A ground point at a distance of d camera heights moves by (1 + d^2) heights a radian.
        return self.tilt_error * (distance + 1 / np.maximum(distance, _NEAREST_GROUND))

    def _upright_error(
        self, rays: np.ndarray, depth: np.ndarray, layout: Layout, relief: Relief | None
    ) -> np.ndarray:
        """Estimate the relative error of upright surfaces (H, W)."""
        usual = _UPRIGHT if relief is None else _UPRIGHT_SEEN
        error = np.hypot(usual, _DOUBT * layout.doubt[layout.piece(rays)])
        if relief is None:
            return error
        difference = np.abs(relief.smooth_log_depth - np.log(depth))
        return np.hypot(error, _DISAGREEMENT * difference)


def _assumptions(found: Pose) -> tuple[str, ...]:
    """Name what had to be assumed, in a sentence, if anything.

    The camera's height always is; the source says so.
    """
    missing = []
    if found.focal_from == DEFAULT:
        missing.append("its focal length")
    if not found.gravity.trusted:
        missing.append("how the camera was tilted")
    return (ASSUMED.format(what=" or ".join(missing)),) if missing else ()
