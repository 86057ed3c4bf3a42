"""A frame's words about itself: its scene, its share that no camera has seen, its confidence.

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


def scene_facts(scene: Scene) -> dict[str, Any]:
    """Return what all frames of a scene share; it goes into each header."""
    return {
        "version": version(),
        "scene": scene.name,
        "depth_source": scene.depth_source,
        "photo_camera": scene.camera(PHOTO_CAMERA).to_json(),
        "regions": [region.id for region in scene.regions],
    }


def depth_confidence(scene: Scene) -> float:
    """Compute 1 - mean uncertainty / greatest depth of the scene's maps, 0..1.

    Without maps it is the splats' mean confidence.
    """
    if scene.maps is None:
        return scene.confidence
    depth = scene.maps.depth
    farthest = float(depth.max(initial=1e-6, where=np.isfinite(depth)))
    return float(np.clip(1 - scene.maps.uncertainty.mean() / farthest, 0, 1))


def angle_confidence(points: np.ndarray, eye: np.ndarray, photo_eye: np.ndarray) -> float:
    """Compute the mean cosine between looking at points from an eye and from the photo's.

    Without points it is 0.

    The angle lies at the surface: turning the camera about its eye shows nothing that the photo's
    camera has not seen.

    Args:
        points: (N, 3) world points that the frame shows.
        eye: (3,) world.
        photo_eye: (3,) world.
    """
    if not len(points):
        return 0.0
    here, there = np.asarray(points, np.float64) - eye, np.asarray(points, np.float64) - photo_eye
    lengths = np.linalg.norm(here, axis=1) * np.linalg.norm(there, axis=1)
    cosines = np.einsum("ij,ij->i", here, there) / np.maximum(lengths, 1e-12)
    return float(np.clip(cosines, 0, 1).mean())


def _confidence(
    scene: Scene, view: View, void: np.ndarray, seen: np.ndarray, position: np.ndarray
) -> float:
    angle = angle_confidence(position[seen], view.position, scene.camera(PHOTO_CAMERA).position)
    return (1 - float(void.mean())) * depth_confidence(scene) * angle


def frame_confidence(scene: Scene, render: ProxyRender) -> float:
    """Compute how far a rendered frame can be trusted, 0..1."""
    return _confidence(scene, render.view, render.void, np.isfinite(render.depth), render.position)


def frame_facts(scene: Scene, view: View, channels: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return `void_coverage` and `confidence` of a frame, from its own channels.

    Without the channels they need there are none.
    """
    needed = ("void.A", "depth.Z", "position.X", "position.Y", "position.Z")
    if not all(name in channels for name in needed):
        return {}
    void, depth, *position = (channels[name] for name in needed)
    confidence = _confidence(scene, view, void, depth < NOTHING_DEPTH, np.stack(position, axis=-1))
    return {"void_coverage": float(void.mean()), "confidence": confidence}
