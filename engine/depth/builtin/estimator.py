"""The built-in estimator: metrology of a single view, offline, with OpenCV and NumPy alone.

lines, sky ─► focal, gravity ─► network ─► in- or outdoors, false skies, its depth ─┐
                     └─► ground at the camera's height ─► what stands on it (layout) ┴─► depth ─► walls made flat
─► normals, confidence
"""

import cv2
import numpy as np

from ...camera import View
from ...geometry import pose
from ...progress import Progress
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
_INDOOR_HEIGHT = 1.3  # metres: the median of indoor photos with measured depth
_INDOOR_LOCK = 0.5  # of the network's scale to that height: people sit, and cameras stand on tables
_HIGHEST_INDOORS = 8.0  # metres: no camera is held higher in a room
_CEILING = 2.7  # metres above the floor, and at least this far above the camera:
_LEAST_HEADROOM = 0.6
# Without sky: greenery, or a look upwards at a facade, still mean outdoors.
_GREEN, _GREENERY_SHARE, _UPWARD = 0.03, 0.04, np.radians(8)
_TRUST_IN_GUESSES = (
    0.5  # in the network where lines and sky say nothing; none in fog, for it sees a wall there
)
WITHOUT_NETWORK = (
    "The depth network's weights are missing, so depth is measured from lines and the ground alone; install AnchorStage again "
    "for a better one."
)
_OPEN_FACTOR = 2.0  # times the farthest setting: rays that meet nothing without being sky


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
        focal_from: where it comes from, for the record.
        camera_height: metres above the ground, or None.
        progress: told 0..1.
    """
    progress(0.0, "Finding lines and sky")
    found = find_pose(colours, focal, focal_from)
    progress(0.4, "Seeing what the photo shows")
    said = (
        predict(colours, _view(found, 1.0), found.gravity.trusted) if network.available() else None
    )
    if said is not None:
        found = fusion.corrected(found, said, colours)
    small = _small(colours)
    indoors = (camera_height or 0) < _HIGHEST_INDOORS and _indoors(found, small, said)
    height = camera_height or (_INDOOR_HEIGHT if indoors else DEFAULT_CAMERA_HEIGHT)
    view = _view(found, height)
    trust = Trust.of(found, indoors, camera_height)
    progress(0.5, "Finding ground and surfaces")
    relief = (
        None
        if said is None
        else relief_of(said, view, colours, found.sky, _INDOOR_LOCK if indoors else 1.0)
    )
    layout = _layout(found, small, view, indoors, trust.guess, relief)
    progress(0.7, "Measuring depth")
    depth, ground = _depth(view, layout, found.sky, indoors)
    planes = None
    if relief is not None:
        share = _network_share(found, trust)
        depth, ground = fusion.fused(depth, ground, found.sky, relief, share)
        if share == 1:
            depth, planes = flattened(view, depth, ground, found.sky, relief.prediction)
    depth = behind_all(depth, found.sky)
    relative = trust.relative_error(view, depth, ground, found.sky, layout, relief)
    progress(0.9, "Measuring normals")
    return DepthEstimate(
        view=view,
        depth=depth,
        uncertainty=(relative * depth).astype(np.float32),
        confidence=trust.confidence(relative, found.sky),
        normal=normals(view, depth),
        sky=found.sky,
        ground=ground,
        source=_source(found, said is not None, indoors, height, camera_height),
        warnings=trust.warnings if said is not None else (*trust.warnings, WITHOUT_NETWORK),
        planes=planes,
    )


def _small(colours: np.ndarray) -> np.ndarray:
    """The picture at a few hundred pixels, clipped to 0..1."""
    height, width = colours.shape[:2]
    scale = min(1.0, SMALL_SIDE / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    return np.clip(cv2.resize(colours, size, interpolation=cv2.INTER_AREA), 0, 1)


def _indoors(found: Pose, small: np.ndarray, said: Prediction | None) -> bool:
    """Whether the photo was taken in a room."""
    green = small[..., 1] - np.maximum(small[..., 0], small[..., 2]) > _GREEN
    upward = found.gravity.trusted and found.gravity.pitch > _UPWARD
    cues = not (found.sky.any() or upward or green.mean() > _GREENERY_SHARE)
    return cues if said is None else fusion.indoors(said, cues)


def _view(found: Pose, camera_height: float) -> View:
    """The grid's camera, above the origin."""
    height, width = found.sky.shape
    stand = pose(found.gravity.rotation, np.array([0.0, 0.0, camera_height]))
    return View(found.focal, found.focal, width / 2, height / 2, width, height, stand)


def _layout(
    found: Pose,
    small: np.ndarray,
    view: View,
    indoors: bool,
    unknown: bool,
    relief: Relief | None,
) -> Layout:
    """What stands on the ground, or the usual where nothing can be said."""
    setting = (INDOORS if indoors else OUTDOORS).seen_from(float(view.position[2]))
    if unknown:
        return usual_layout(setting)
    size = small.shape[1], small.shape[0]
    sky = cv2.resize(found.sky.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    if relief is None:
        return find_layout(small, sky, view.resized(*size), found.gravity, setting)
    level = cv2.resize(relief.prediction.ground, size, interpolation=cv2.INTER_LINEAR)
    distances = np.exp(cv2.resize(relief.smooth_log_depth, size, interpolation=cv2.INTER_LINEAR))
    turn = view.world_from_camera[:3, :3].astype(np.float32)
    facing = cv2.resize(relief.prediction.normal, size, interpolation=cv2.INTER_LINEAR) @ turn.T
    return find_layout(
        small, sky, view.resized(*size), found.gravity, setting, distances, level, facing
    )


def _depth(
    view: View, layout: Layout, sky: np.ndarray, indoors: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Depth (H, W) float32 metres, and where it is the ground's (H, W) bool: the first of ground, wall and ceiling."""
    rays = (view.rays() @ view.world_from_camera[:3, :3].T).astype(np.float32)
    up, height = rays[..., 2], view.position[2]
    with np.errstate(divide="ignore"):
        floor = np.where(up < 0, height / -up, np.inf)
        headroom = max(_CEILING - height, _LEAST_HEADROOM)
        above = np.where(up > 0, headroom / up, np.inf) if indoors else np.inf
    nearest = np.minimum(np.minimum(floor, layout.reach(rays)), above)
    nearest = np.minimum(nearest, _OPEN_FACTOR * layout.farthest)
    return nearest.astype(np.float32), (floor <= nearest) & ~sky


def _network_share(found: Pose, trust: Trust) -> float:
    """How much of the network's word counts, 0..1."""
    if not trust.guess:
        return 1.0
    return _TRUST_IN_GUESSES if found.gravity.lines >= LEAST_LINES else 0.0


def _source(
    found: Pose, network_spoke: bool, indoors: bool, height: float, given: float | None
) -> str:
    """How it was measured, for people."""
    by = "network and planes" if network_spoke else "ground and planes"
    tilt = (
        f"gravity from {found.gravity.lines} lines"
        if found.gravity.trusted
        else "level camera assumed"
    )
    stand = f"camera {height:.2g} m up" + ("" if given else " (assumed)")
    return f"builtin: {by}, {'indoors' if indoors else 'outdoors'}, {tilt}, focal length {found.focal_from}, {stand}"
