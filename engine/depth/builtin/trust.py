"""Trust in a measured depth: its relative error, and sentences on what had to be assumed."""

from dataclasses import dataclass

import numpy as np

from ...camera import View
from ..confidence import MOST_ERROR, SKY_ERROR
from .layout import Layout
from .pose import DEFAULT, FROM_LINES, Pose
from .relief import Relief
from .resampling import interpolated

# Relative standard deviations, from photos with measured depth.
_GIVEN_HEIGHT_ERROR = 0.03  # of a camera height that the artist gave
_OUTDOOR_HEIGHT_ERROR = 0.15  # of the assumed height of a standing photographer
_INDOOR_HEIGHT_ERROR = 0.35  # of the assumed height in a room: people sit, or put cameras on tables
_FOCAL_ERRORS = {FROM_LINES: 0.12, DEFAULT: 0.25}
_KNOWN_FOCAL_ERROR = 0.02  # of a focal length from the file's EXIF or from the artist
_UPRIGHT_ERROR = 0.3  # of upright surfaces, from the evidence of edges and colours
_UPRIGHT_SEEN_ERROR = 0.15  # of those that a network sees, besides the spread that it expects
_GUESS_ERROR = 0.8  # of a photo without lines, horizon and sky

# Factors that turn a disagreement, in log depth, into a relative error.
_USUAL_DISTANCE_WEIGHT = 0.25  # between an upright surface's distance and the usual one
_NETWORK_WEIGHT = 0.5  # between the fused depth and the network's

_LEAST_DISTANCE = 0.1  # camera heights: nearer ground would divide by nearly zero

NOTHING_TO_MEASURE = (
    "This photo shows no straight lines, horizon or sky to measure from: its depth is a guess, "
    "a floor and a backdrop; expect only small camera moves to look right."
)
ASSUMED = (
    "This photo does not tell {what}, so that is assumed: the metres are rough. "
    "Give what you know and reconstruct again."
)


@dataclass(frozen=True)
class Trust:
    """Errors that all pixels of a measurement share, and the sentences that tell them."""

    height_error: float  # relative
    focal_error: float  # relative
    tilt_error: float  # radians
    guess: bool  # True where the photo has neither lines nor sky to measure from
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, pose: Pose, indoors: bool, camera_height: float | None) -> "Trust":
        """Judge a pose.

        Args:
            pose: found from lines and sky.
            indoors: True in a room.
            camera_height: metres above the ground; None where it was assumed.
        """
        assumed_height_error = _INDOOR_HEIGHT_ERROR if indoors else _OUTDOOR_HEIGHT_ERROR
        has_sky = bool(pose.sky.any())
        guess = not pose.gravity.trusted and not has_sky
        return cls(
            height_error=_GIVEN_HEIGHT_ERROR if camera_height else assumed_height_error,
            focal_error=_FOCAL_ERRORS.get(pose.focal_from, _KNOWN_FOCAL_ERROR),
            tilt_error=pose.gravity.sigma,
            guess=guess,
            warnings=(NOTHING_TO_MEASURE,) if guess else _assumptions(pose),
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
        """Return one standard deviation of each pixel's depth over its depth.

        Args:
            view: of the maps.
            depth: (H, W) planar metres.
            ground: (H, W) bool.
            sky: (H, W) bool.
            layout: upright surfaces on the ground.
            relief: of the network, if there is one. The error grows where its depth differs, where
                it expects a spread, and near its silhouettes.

        Returns:
            (H, W) float32, at most `MOST_ERROR`; `SKY_ERROR` in the sky.
        """
        rotation = view.world_from_camera[:3, :3]
        rays = view.rays() @ rotation.T  # [H, W, 3], world

        # The tilt's error has no bound towards the horizon; evidence in the picture sets one.
        upright_error = _upright_error(rays, depth, layout, relief)
        tilt_error = self._tilt_error(view, rays, depth)
        ground_error = np.minimum(tilt_error, upright_error)
        surface_error = np.where(ground, ground_error, upright_error)

        # Errors of height and focal length scale the whole scene, so every pixel has them.
        common_variance = self.height_error**2 + self.focal_error**2
        if self.guess:
            common_variance += _GUESS_ERROR**2
        variance = surface_error**2 + common_variance
        relative_error = np.sqrt(variance)

        if relief is not None:
            spread = interpolated(relief.prediction.spread, (view.width, view.height))
            # Beside a silhouette the pixel may belong to the other side.
            silhouette_factor = 1 + relief.edge_nearness
            relative_error = np.hypot(relative_error, spread) * silhouette_factor
        capped_error = np.minimum(relative_error, MOST_ERROR)
        return np.where(sky, SKY_ERROR, capped_error).astype(np.float32)

    def _tilt_error(self, view: View, rays: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Return the relative error (H, W) of ground depth that an error of the tilt makes.

        A ground point at a distance of d camera heights moves by (1 + d^2) heights a radian of
        tilt, so its relative error is (d + 1/d) a radian.
        """
        ray_x = rays[..., 0]
        ray_y = rays[..., 1]
        horizontal = np.hypot(ray_x, ray_y)  # [H, W], a metre of depth
        camera_height = view.position[2]
        distance = depth * horizontal / camera_height  # [H, W], camera heights
        inverse_distance = 1 / np.maximum(distance, _LEAST_DISTANCE)
        return self.tilt_error * (distance + inverse_distance)


def _upright_error(
    rays: np.ndarray,
    depth: np.ndarray,
    layout: Layout,
    relief: Relief | None,
) -> np.ndarray:
    """Return the relative error (H, W) of upright surfaces, larger where two sources disagree."""
    piece = layout.piece(rays)  # [H, W], index of the surface that a ray meets
    usual_disagreement = layout.doubt[piece]  # [H, W], log depth
    basic_error = _UPRIGHT_ERROR if relief is None else _UPRIGHT_SEEN_ERROR
    error = np.hypot(basic_error, _USUAL_DISTANCE_WEIGHT * usual_disagreement)
    if relief is None:
        return error

    # Two measurements that differ cannot both be right, and neither tells which one is.
    log_depth = np.log(depth)
    network_disagreement = np.abs(relief.smooth_log_depth - log_depth)
    return np.hypot(error, _NETWORK_WEIGHT * network_disagreement)


def _assumptions(pose: Pose) -> tuple[str, ...]:
    """Return a sentence on what had to be assumed, if anything was.

    The camera's height is not in it: that is nearly always assumed, and the source says so.
    """
    missing = []
    if pose.focal_from == DEFAULT:
        missing.append("its focal length")
    if not pose.gravity.trusted:
        missing.append("how the camera was tilted")
    if not missing:
        return ()
    what = " or ".join(missing)
    return (ASSUMED.format(what=what),)
