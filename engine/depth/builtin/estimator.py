"""The built-in estimator: metrology of a single view, offline, with OpenCV and NumPy alone.

lines, sky ─► focal, gravity ─► network ─► in- or outdoors, false skies, its depth ─┐
                     └─► ground at the camera's height ─► upright surfaces (layout) ┴─► depth
depth ─► walls made flat ─► normals, confidence
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...progress import Progress
from ..confidence import confidence_of
from ..record import DepthEstimate
from ..surfaces import behind_all, normals
from . import fusion
from .flatten import flattened
from .gravity import LEAST_LINES
from .layout import INDOORS, OUTDOORS, Layout, find_layout, usual_layout
from .pose import find_pose
from .relief import Relief, relief_of
from .resampling import interpolated
from .situation import Situation, find_situation, small_picture

# Share by which the network's scale is moved to the assumed height in a room: there people sit, and
# put cameras on tables.
_INDOOR_LOCK = 0.5
_CEILING = 2.7  # metres above the floor
_LEAST_HEADROOM = 0.6  # metres from the camera to the ceiling, however high the camera is

# Weight of the network where lines and sky say nothing. Without lines it is none: such a picture
# may be fog, in which the network sees a wall.
_TRUST_IN_GUESSES = 0.5
# Of the farthest distance of the layout: there rays end that meet nothing without being sky.
_OPEN_FACTOR = 2.0

WITHOUT_NETWORK = (
    "The depth network's weights are missing, so depth is measured from lines and the ground "
    "alone; install AnchorStage again for a better one."
)


@dataclass(frozen=True, eq=False)
class _Surfaces:
    """Depth of a photo and the surfaces in it."""

    depth: np.ndarray  # (H, W) float32, planar metres
    ground: np.ndarray  # (H, W) bool
    planes: np.ndarray | None  # (P, 4) a b c d of flat surfaces; None where none were looked for


def measure(
    colours: np.ndarray,
    focal: float | None,
    focal_from: str,
    camera_height: float | None,
    progress: Progress,
) -> DepthEstimate:
    """Measure depth from lines, ground and sky, and from the network if its weights are there.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        focal: pixels of this grid, or None.
        focal_from: source of a given focal length, for the record.
        camera_height: metres above the ground, or None.
        progress: told 0..1.
    """
    progress(0.0, "Finding lines and sky")
    pose = find_pose(colours, focal, focal_from)
    progress(0.4, "Seeing what the photo shows")
    small_colours = small_picture(colours)
    situation = find_situation(colours, small_colours, pose, camera_height)
    progress(0.5, "Finding ground and surfaces")
    relief = _relief(situation, colours)
    layout = _layout(situation, small_colours, relief)
    progress(0.7, "Measuring depth")
    surfaces = _surfaces(situation, layout, relief)
    relative_error = situation.trust.relative_error(
        situation.view,
        surfaces.depth,
        surfaces.ground,
        situation.pose.sky,
        layout,
        relief,
    )
    progress(0.9, "Measuring normals")
    return _estimate(situation, surfaces, relative_error)


def _relief(situation: Situation, colours: np.ndarray) -> Relief | None:
    """Bring the network's depth to the picture's size, (H, W), and to metres; None without it."""
    if situation.prediction is None:
        return None
    lock = _INDOOR_LOCK if situation.indoors else 1.0
    return relief_of(
        situation.prediction,
        situation.view,
        colours,
        situation.pose.sky,
        lock,
    )


def _layout(
    situation: Situation,
    small_colours: np.ndarray,
    relief: Relief | None,
) -> Layout:
    """Find the upright surfaces on the ground; the usual ones where the photo is a guess."""
    usual_setting = INDOORS if situation.indoors else OUTDOORS
    view = situation.view
    setting = usual_setting.seen_from(float(view.position[2]))
    if situation.trust.guess:
        return usual_layout(setting)

    # All evidence is brought to the small picture's grid.
    small_height, small_width = small_colours.shape[:2]
    size = small_width, small_height
    small_view = view.resized(small_width, small_height)
    gravity = situation.pose.gravity
    sky = situation.pose.sky.astype(np.uint8)
    small_sky = cv2.resize(sky, size, interpolation=cv2.INTER_NEAREST) > 0
    if relief is None:
        return find_layout(small_colours, small_sky, small_view, gravity, setting)

    ground_probability = interpolated(relief.prediction.ground, size)
    depth = np.exp(interpolated(relief.smooth_log_depth, size))
    rotation = view.world_from_camera[:3, :3].astype(np.float32)
    normal = interpolated(relief.prediction.normal, size) @ rotation.T  # [h, w, 3], world
    return find_layout(
        small_colours,
        small_sky,
        small_view,
        gravity,
        setting,
        depth,
        ground_probability,
        normal,
    )


def _surfaces(
    situation: Situation,
    layout: Layout,
    relief: Relief | None,
) -> _Surfaces:
    """Measure depth from planes, join the network's to it, and make walls flat."""
    view = situation.view
    sky = situation.pose.sky
    depth, ground = _planes_depth(situation, layout)
    planes = None
    if relief is not None:
        weight = _network_weight(situation)
        depth, ground = fusion.fused(depth, ground, sky, relief, weight)
        # Walls are made flat only where the network is fully trusted: it sees which surface is one.
        if weight == 1:
            depth, planes = flattened(view, depth, ground, sky, relief.prediction)
    return _Surfaces(behind_all(depth, sky), ground, planes)


def _planes_depth(situation: Situation, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Return the depth of the first of ground, upright surfaces and ceiling on each ray.

    Returns:
        (H, W) float32, planar metres; and (H, W) bool, True where it is the ground's.
    """
    view = situation.view
    rotation = view.world_from_camera[:3, :3]
    rays = (view.rays() @ rotation.T).astype(np.float32)  # [H, W, 3], world
    up = rays[..., 2]
    height = view.position[2]
    headroom = max(_CEILING - height, _LEAST_HEADROOM)

    # A level ray meets neither plane: its depth is infinite.
    with np.errstate(divide="ignore"):
        floor_depth = np.where(up < 0, height / -up, np.inf)
        ceiling_depth = np.where(up > 0, headroom / up, np.inf) if situation.indoors else np.inf

    nearest = np.minimum(floor_depth, layout.reach(rays))
    nearest = np.minimum(nearest, ceiling_depth)
    nearest = np.minimum(nearest, _OPEN_FACTOR * layout.farthest)
    is_ground = (floor_depth <= nearest) & ~situation.pose.sky
    return nearest.astype(np.float32), is_ground


def _network_weight(situation: Situation) -> float:
    """Return the weight of the network's depth against that of planes, 0..1."""
    if not situation.trust.guess:
        return 1.0
    has_lines = situation.pose.gravity.lines >= LEAST_LINES
    return _TRUST_IN_GUESSES if has_lines else 0.0


def _estimate(
    situation: Situation,
    surfaces: _Surfaces,
    relative_error: np.ndarray,
) -> DepthEstimate:
    """Assemble the record from what was measured; `relative_error` is (H, W) float32."""
    view = situation.view
    sky = situation.pose.sky
    uncertainty = relative_error * surfaces.depth  # [H, W], metres
    warnings = situation.trust.warnings
    if situation.prediction is None:
        warnings = (*warnings, WITHOUT_NETWORK)
    return DepthEstimate(
        view=view,
        depth=surfaces.depth,
        uncertainty=uncertainty.astype(np.float32),
        confidence=confidence_of(relative_error, sky),
        normal=normals(view, surfaces.depth),
        sky=sky,
        ground=surfaces.ground,
        source=_source(situation),
        warnings=warnings,
        planes=surfaces.planes,
    )


def _source(situation: Situation) -> str:
    """Tell people how a depth was measured."""
    pose = situation.pose
    by = "ground and planes" if situation.prediction is None else "network and planes"
    place = "indoors" if situation.indoors else "outdoors"
    tilt = "level camera assumed"
    if pose.gravity.trusted:
        tilt = f"gravity from {pose.gravity.lines} lines"
    height = f"camera {situation.camera_height:.2g} m up"
    if not situation.height_given:
        height += " (assumed)"
    return f"builtin: {by}, {place}, {tilt}, focal length {pose.focal_from}, {height}"
