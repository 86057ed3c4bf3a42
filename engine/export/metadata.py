"""Facts of a frame for its header: scene, part that no camera has seen, trust.

Confidence is `(1 - void_coverage) * depth_confidence * angle_confidence`: green above 0.8, yellow
from 0.5, red below.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..camera import View
from ..render.record import ProxyRender
from ..scene import PHOTO_CAMERA, Scene
from ..version import version
from .contract import NOTHING_DEPTH

# Metres and square metres: what a division is kept above.
_LEAST_DEPTH = 1e-6
_LEAST_LENGTHS = 1e-12

# The channels from which a frame's confidence is computed.
_NEEDED = ("void.A", "depth.Z", "position.X", "position.Y", "position.Z")


def scene_facts(scene: Scene) -> dict[str, Any]:
    """Return the facts that all frames of a scene share; they go into each header."""
    return {
        "version": version(),
        "scene": scene.name,
        "depth_source": scene.depth_source,
        "photo_camera": scene.camera(PHOTO_CAMERA).to_json(),
        "regions": [region.id for region in scene.regions],
    }


def depth_confidence(scene: Scene) -> float:
    """Return 1 - mean uncertainty / greatest depth of the scene's maps, 0..1.

    Without maps it is the splats' mean confidence.
    """
    if scene.maps is None:
        return scene.confidence
    depth = scene.maps.depth
    is_surface = np.isfinite(depth)
    farthest = float(depth.max(initial=_LEAST_DEPTH, where=is_surface))
    relative_uncertainty = scene.maps.uncertainty.mean() / farthest
    return float(np.clip(1 - relative_uncertainty, 0, 1))


def angle_confidence(points: np.ndarray, eye: np.ndarray, photo_eye: np.ndarray) -> float:
    """Return the mean cosine between looking at points from an eye and from the photo's.

    The angle lies at the surface: turning the camera about its eye shows nothing that the photo's
    camera has not seen.

    Args:
        points: (N, 3) world points that the frame shows.
        eye: (3,) world.
        photo_eye: (3,) world.

    Returns:
        0..1; 0 where there are no points.
    """
    if not len(points):
        return 0.0
    points = np.asarray(points, np.float64)
    from_eye = points - eye
    from_photo = points - photo_eye
    distance = np.linalg.norm(from_eye, axis=1)
    photo_distance = np.linalg.norm(from_photo, axis=1)
    lengths = distance * photo_distance
    products = np.einsum("ij,ij->i", from_eye, from_photo)
    cosines = products / np.maximum(lengths, _LEAST_LENGTHS)
    return float(np.clip(cosines, 0, 1).mean())


def frame_confidence(scene: Scene, render: ProxyRender) -> float:
    """Return the degree to which a rendered frame can be trusted, 0..1."""
    return _confidence(
        scene,
        render.view,
        void=render.void,
        is_surface=np.isfinite(render.depth),
        position=render.position,
    )


def frame_facts(scene: Scene, view: View, channels: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compute `void_coverage` and `confidence` of a frame from its own channels.

    Nothing where a channel is missing that they need.
    """
    if not all(name in channels for name in _NEEDED):
        return {}
    void, depth, *axes = (channels[name] for name in _NEEDED)
    position = np.stack(axes, axis=-1)  # [H, W, 3]
    confidence = _confidence(
        scene,
        view,
        void=void,
        is_surface=depth < NOTHING_DEPTH,
        position=position,
    )
    return {
        "void_coverage": float(void.mean()),
        "confidence": confidence,
    }


def _confidence(
    scene: Scene, view: View, void: np.ndarray, is_surface: np.ndarray, position: np.ndarray
) -> float:
    """Compute a frame's confidence, 0..1.

    Args:
        scene: what the frame shows.
        view: the camera.
        void: (H, W) mask of disocclusion.
        is_surface: (H, W) bool, the pixels that have a depth.
        position: (H, W, 3) world points.
    """
    void_coverage = float(void.mean())
    photo_eye = scene.camera(PHOTO_CAMERA).position
    points = position[is_surface]
    angle = angle_confidence(points, view.position, photo_eye)
    return (1 - void_coverage) * depth_confidence(scene) * angle
