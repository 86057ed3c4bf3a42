"""The built-in estimator: metrology of a single view, offline, with OpenCV and NumPy alone.

lines ─► focal, gravity ─┬─► ground at the camera's height ─────────────┐
sky ─────────────────────┼─► what stands on it (layout) ◄─┐             ├─► depth ─► normals, uncertainty, confidence
                         └─► network, where it has weights ┴─► its depth ┘
"""

import cv2
import numpy as np

from ..camera import View
from ..geometry import pose
from ..progress import Progress
from . import network
from .layout import INDOORS, OUTDOORS, Layout, find_layout, usual_layout
from .pose import Pose, find_pose
from .record import DEFAULT_CAMERA_HEIGHT, DepthEstimate
from .surfaces import normals
from .trust import Trust

SMALL_SIDE = 256  # pixels of the longer side for all that is decided from colours
_INDOOR_HEIGHT = 1.3  # metres: the median of indoor photos with measured depth
_CEILING = 2.7  # metres above the floor, and at least this far above the camera:
_LEAST_HEADROOM = 0.6
# Without sky: greenery, or a look upwards at a facade, still mean outdoors.
_GREEN, _GREENERY_SHARE, _UPWARD = 0.03, 0.04, np.radians(8)
_SKY_DEPTH, _SKY_FACTOR = 100.0, 3.0  # metres, and times the farthest thing, whichever is more
# Of the network's depth in that of what stands upright, in logarithms: on photos, more melts what planes keep straight.
_GUESS_SHARE = 0.2
_OPEN_FACTOR = 2.0  # times the farthest setting: rays that meet nothing without being sky


def measure(
    colours: np.ndarray, focal: float | None, focal_from: str, camera_height: float | None, progress: Progress
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
    small = _small(colours)
    indoors = _indoors(found, small)
    height = camera_height or (_INDOOR_HEIGHT if indoors else DEFAULT_CAMERA_HEIGHT)
    view = _view(found, height)
    trust = Trust.of(found, indoors, camera_height)
    progress(0.5, "Finding ground and surfaces")
    guess = _guess(colours, view, found, indoors)
    layout = _layout(found, small, view, indoors, trust.guess, guess)
    progress(0.7, "Measuring depth")
    depth, ground = _depth(view, layout, found.sky, indoors)
    if guess is not None:
        depth = _with_guess(depth, guess, ground | found.sky)
    relative = trust.relative_error(view, depth, ground, found.sky, layout, guess)
    progress(0.9, "Measuring normals")
    return DepthEstimate(
        view=view,
        depth=depth,
        uncertainty=(relative * depth).astype(np.float32),
        confidence=trust.confidence(relative, found.sky),
        normal=normals(view, depth),
        sky=found.sky,
        ground=ground,
        source=_source(found, indoors, height, camera_height),
        warnings=trust.warnings,
    )


def _small(colours: np.ndarray) -> np.ndarray:
    """The picture at a few hundred pixels, clipped to 0..1."""
    height, width = colours.shape[:2]
    scale = min(1.0, SMALL_SIDE / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    return np.clip(cv2.resize(colours, size, interpolation=cv2.INTER_AREA), 0, 1)


def _indoors(found: Pose, small: np.ndarray) -> bool:
    """Whether the photo was taken in a room."""
    green = small[..., 1] - np.maximum(small[..., 0], small[..., 2]) > _GREEN
    upward = found.gravity.trusted and found.gravity.pitch > _UPWARD
    return not (found.sky.any() or upward or green.mean() > _GREENERY_SHARE)


def _view(found: Pose, camera_height: float) -> View:
    """The grid's camera, above the origin."""
    height, width = found.sky.shape
    stand = pose(found.gravity.rotation, np.array([0.0, 0.0, camera_height]))
    return View(found.focal, found.focal, width / 2, height / 2, width, height, stand)


def _guess(colours: np.ndarray, view: View, found: Pose, indoors: bool) -> np.ndarray | None:
    """The network's depth (H, W) in metres, where it has weights; outdoors its ground is moved to the camera's height."""
    if not network.available():
        return None
    return network.predict(colours, view, found.gravity.trusted).depth(view, colours, lock=not indoors)


def _with_guess(depth: np.ndarray, guess: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Depth (H, W) of planes, drawn a little towards the network's except where it is kept (H, W) as it is."""
    return np.where(keep, depth, depth * (guess / depth) ** _GUESS_SHARE).astype(np.float32)


def _layout(found: Pose, small: np.ndarray, view: View, indoors: bool, unknown: bool, guess: np.ndarray | None) -> Layout:
    """What stands on the ground, or the usual where nothing can be said."""
    setting = (INDOORS if indoors else OUTDOORS).seen_from(float(view.position[2]))
    if unknown:
        return usual_layout(setting)
    size = small.shape[1], small.shape[0]
    if guess is not None:
        guess = cv2.resize(guess, size, interpolation=cv2.INTER_LINEAR)
    sky = cv2.resize(found.sky.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return find_layout(small, sky, view.resized(*size), found.gravity, setting, guess)


def _depth(view: View, layout: Layout, sky: np.ndarray, indoors: bool) -> tuple[np.ndarray, np.ndarray]:
    """Depth (H, W) float32 metres, and where it is the ground's (H, W) bool: the first of ground, wall and ceiling."""
    rays = (view.rays() @ view.world_from_camera[:3, :3].T).astype(np.float32)
    up, height = rays[..., 2], view.position[2]
    with np.errstate(divide="ignore"):
        floor = np.where(up < 0, height / -up, np.inf)
        headroom = max(_CEILING - height, _LEAST_HEADROOM)
        above = np.where(up > 0, headroom / up, np.inf) if indoors else np.inf
    nearest = np.minimum(np.minimum(floor, layout.reach(rays)), above)
    nearest = np.minimum(nearest, _OPEN_FACTOR * layout.farthest)
    ground = (floor <= nearest) & ~sky
    beyond = max(_SKY_DEPTH, _SKY_FACTOR * float(nearest[~sky].max(initial=0)))
    return np.where(sky, beyond, nearest).astype(np.float32), ground


def _source(found: Pose, indoors: bool, height: float, given: float | None) -> str:
    """How it was measured, for people."""
    tilt = f"gravity from {found.gravity.lines} lines" if found.gravity.trusted else "level camera assumed"
    stand = f"camera {height:.2g} m up" + ("" if given else " (assumed)")
    return f"builtin: {'indoors' if indoors else 'outdoors'}, {tilt}, focal length {found.focal_from}, {stand}"
