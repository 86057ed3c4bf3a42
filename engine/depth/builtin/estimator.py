"""The built-in estimator: metrology of a single view, offline, with OpenCV and NumPy alone.

lines, sky ─► focal length, gravity ─► network ─► in- or outdoors, false skies, its depth ─┐
       └─► ground at the camera's height ─► surfaces that stand on it (layout) ────────────┴─► depth
─► walls made flat ─► normals, confidence
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...camera import View
from ...geometry import pose as world_from_camera
from ...progress import Progress
from ..confidence import confidence_of
from ..record import DEFAULT_CAMERA_HEIGHT, DepthEstimate
from ..surfaces import behind_all, normals
from . import fusion, network
from .flatten import flattened
from .gravity import LEAST_LINES
from .layout import INDOORS, OUTDOORS, Layout, find_layout, usual_layout
from .pose import Pose, find_pose
from .prediction import Prediction, predict
from .relief import Relief, relief_of
from .trust import Trust

SMALL_SIDE = 256  # pixels of the longer side for all that is decided from colours
_LEAST_SMALL_SIDE = 8  # pixels of the shorter side of that picture
_INDOOR_HEIGHT = 1.3  # metres: the median of indoor photos with measured depth
_INDOOR_LOCK = 0.5  # of the network's scale to that height: people sit, and cameras stand on tables
_HIGHEST_INDOORS = 8.0  # metres: no camera is held higher in a room
_CEILING = 2.7  # metres above the floor
_LEAST_HEADROOM = 0.6  # metres between the camera and the ceiling
# Without sky, greenery or a look upwards at a facade still means outdoors.
_GREEN = 0.03  # of green over red and blue: a green pixel
_GREENERY_SHARE = 0.04  # of the picture that must be green
_UPWARD = np.radians(8)  # of the camera's pitch
# Trust in the network where lines and sky say nothing; none in fog, for it sees a wall there.
_TRUST_IN_GUESSES = 0.5
_OPEN_FACTOR = 2.0  # times the farthest setting: rays that meet nothing without being sky
WITHOUT_NETWORK = (
    "The depth network's weights are missing, "
    "so depth is measured from lines and the ground alone; "
    "install AnchorStage again for a better one."
)


@dataclass(frozen=True, eq=False)
class _Setting:
    """The things that are settled before depth is measured."""

    pose: Pose  # focal length, gravity, sky
    view: View  # the grid's camera, at its height above the ground
    is_indoors: bool
    trust: Trust
    small: np.ndarray  # (h, w, 3) the picture at a few hundred pixels
    relief: Relief | None  # the network's depth; None without weights


def measure(
    colours: np.ndarray,
    focal: float | None,
    focal_from: str,
    camera_height: float | None,
    progress: Progress,
) -> DepthEstimate:
    """Measure what lines, ground and sky tell.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        focal: pixels of this grid, or None.
        focal_from: its source, for people.
        camera_height: metres above the ground, or None.
        progress: told 0..1.
    """
    progress(0.0, "Finding lines and sky")
    pose = find_pose(colours, focal, focal_from)
    progress(0.4, "Seeing what the photo shows")
    setting = _settle(colours, pose, camera_height, progress)
    layout = _layout(setting)
    progress(0.7, "Measuring depth")
    depth, ground, planes = _measured_depth(setting, layout)
    sky = setting.pose.sky
    depth = behind_all(depth, sky)
    relative = setting.trust.relative_error(
        setting.view, depth, ground, sky, layout, setting.relief
    )
    progress(0.9, "Measuring normals")
    warnings = setting.trust.warnings
    if setting.relief is None:
        warnings = (*warnings, WITHOUT_NETWORK)
    return DepthEstimate(
        view=setting.view,
        depth=depth,
        uncertainty=(relative * depth).astype(np.float32),
        confidence=confidence_of(relative, sky),
        normal=normals(setting.view, depth),
        sky=sky,
        ground=ground,
        source=_source(setting, camera_height),
        warnings=warnings,
        planes=planes,
    )


def _settle(
    colours: np.ndarray, pose: Pose, camera_height: float | None, progress: Progress
) -> _Setting:
    """Ask the network, and settle with it: in- or outdoors, the camera's height, false skies."""
    prediction = None
    if network.available():
        level_view = _view(pose, 1.0)
        prediction = predict(colours, level_view, pose.gravity.trusted)
        pose = fusion.corrected(pose, prediction, colours)
    small = _small(colours)
    is_low = (camera_height or 0) < _HIGHEST_INDOORS
    is_indoors = is_low and _is_indoors(pose, small, prediction)
    usual_height = _INDOOR_HEIGHT if is_indoors else DEFAULT_CAMERA_HEIGHT
    view = _view(pose, camera_height or usual_height)
    trust = Trust.of(pose, is_indoors, camera_height)
    progress(0.5, "Finding ground and surfaces")
    relief = None
    if prediction is not None:
        lock = _INDOOR_LOCK if is_indoors else 1.0
        relief = relief_of(prediction, view, colours, pose.sky, lock)
    return _Setting(pose, view, is_indoors, trust, small, relief)


def _measured_depth(
    setting: _Setting, layout: Layout
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Measure depth and find the ground and planes.

    Returns:
        Depth (H, W) in metres, the ground (H, W) bool, planes (P, 4), None where nobody looked.
    """
    sky = setting.pose.sky
    depth, ground = _depth(setting.view, layout, sky, setting.is_indoors)
    if setting.relief is None:
        return depth, ground, None
    share = _network_share(setting)
    depth, ground = fusion.fused(depth, ground, sky, setting.relief, share)
    # Where the network is doubted, its normals make no walls.
    if share < 1:
        return depth, ground, None
    depth, planes = flattened(setting.view, depth, ground, sky, setting.relief.prediction)
    return depth, ground, planes


def _small(colours: np.ndarray) -> np.ndarray:
    """Return the picture at a few hundred pixels, clipped to 0..1."""
    height, width = colours.shape[:2]
    scale = min(1.0, SMALL_SIDE / max(height, width))
    small_width = max(_LEAST_SMALL_SIDE, round(width * scale))
    small_height = max(_LEAST_SMALL_SIDE, round(height * scale))
    small = cv2.resize(colours, (small_width, small_height), interpolation=cv2.INTER_AREA)
    return np.clip(small, 0, 1)


def _is_indoors(pose: Pose, small: np.ndarray, prediction: Prediction | None) -> bool:
    """Tell whether the photo was taken in a room."""
    red = small[..., 0]
    green = small[..., 1]
    blue = small[..., 2]
    is_green = green - np.maximum(red, blue) > _GREEN
    looks_up = pose.gravity.trusted and pose.gravity.pitch > _UPWARD
    cues = not (pose.sky.any() or looks_up or is_green.mean() > _GREENERY_SHARE)
    return cues if prediction is None else fusion.indoors(prediction, cues)


def _view(pose: Pose, camera_height: float) -> View:
    """Return the grid's camera, above the origin."""
    height, width = pose.sky.shape
    position = np.array([0.0, 0.0, camera_height])
    return View(
        fx=pose.focal,
        fy=pose.focal,
        cx=width / 2,
        cy=height / 2,
        width=width,
        height=height,
        world_from_camera=world_from_camera(pose.gravity.rotation, position),
    )


def _layout(setting: _Setting) -> Layout:
    """Find the surfaces that stand on the ground; take the usual ones where nothing can be said."""
    view = setting.view
    kind = INDOORS if setting.is_indoors else OUTDOORS
    kind = kind.seen_from(float(view.position[2]))
    if setting.trust.guess:
        return usual_layout(kind)
    size = setting.small.shape[1], setting.small.shape[0]
    sky = setting.pose.sky.astype(np.uint8)
    sky = cv2.resize(sky, size, interpolation=cv2.INTER_NEAREST) > 0
    known = (setting.small, sky, view.resized(*size), setting.pose.gravity, kind)
    relief = setting.relief
    if relief is None:
        return find_layout(*known)
    # The network tells which pixels are level, how far they are, and which way walls face.
    level = cv2.resize(relief.prediction.ground, size, interpolation=cv2.INTER_LINEAR)
    log_depth = cv2.resize(relief.smooth_log_depth, size, interpolation=cv2.INTER_LINEAR)
    in_camera = cv2.resize(relief.prediction.normal, size, interpolation=cv2.INTER_LINEAR)
    facing = in_camera @ view.world_from_camera[:3, :3].astype(np.float32).T
    return find_layout(*known, np.exp(log_depth), level, facing)


def _depth(
    view: View, layout: Layout, sky: np.ndarray, is_indoors: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Intersect each pixel's ray with ground, wall and ceiling, and take the first.

    Returns:
        Depth (H, W) float32 in metres, and the pixels (H, W) bool whose depth is the ground's.
    """
    rays = (view.rays() @ view.world_from_camera[:3, :3].T).astype(np.float32)  # [H, W, 3], world
    up = rays[..., 2]
    camera_height = view.position[2]
    headroom = max(_CEILING - camera_height, _LEAST_HEADROOM)
    with np.errstate(divide="ignore"):
        floor = np.where(up < 0, camera_height / -up, np.inf)
        ceiling = np.where(up > 0, headroom / up, np.inf) if is_indoors else np.inf
    nearest = np.minimum(np.minimum(floor, layout.reach(rays)), ceiling)
    nearest = np.minimum(nearest, _OPEN_FACTOR * layout.farthest)
    return nearest.astype(np.float32), (floor <= nearest) & ~sky


def _network_share(setting: _Setting) -> float:
    """Return how much the network's depth counts, 0..1."""
    if not setting.trust.guess:
        return 1.0
    return _TRUST_IN_GUESSES if setting.pose.gravity.lines >= LEAST_LINES else 0.0


def _source(setting: _Setting, given_height: float | None) -> str:
    """Say how depth was measured, for people."""
    pose = setting.pose
    by = "ground and planes" if setting.relief is None else "network and planes"
    place = "indoors" if setting.is_indoors else "outdoors"
    tilt = "level camera assumed"
    if pose.gravity.trusted:
        tilt = f"gravity from {pose.gravity.lines} lines"
    stand = f"camera {float(setting.view.position[2]):.2g} m up"
    if not given_height:
        stand += " (assumed)"
    return f"builtin: {by}, {place}, {tilt}, focal length {pose.focal_from}, {stand}"
