"""What Blender and the command line want to know of a scene, in plain JSON."""

from pathlib import Path
from typing import Any

import numpy as np

from ..scene import REGION_COLORS, Scene


def summary(scene: Scene, folder: Path) -> dict[str, Any]:
    """The scene's name, sizes, regions, cameras and what the artist should be told."""
    view = scene.photo_view
    photo = scene.photo
    return {
        "scene": str(folder),
        "name": scene.name,
        "splats": len(scene.splats),
        "width": photo.width if photo else view.width,
        "height": photo.height if photo else view.height,
        "photo": str(folder / photo.file_name) if photo else "",
        "camera": scene.camera().to_json(),
        "cameras": [camera.to_json() for camera in scene.cameras],
        "regions": [
            {
                "id": region.id,
                "label": region.label,
                "locked": region.locked,
                "plane": None if region.plane is None else [float(x) for x in region.plane],
                "color": REGION_COLORS[index % len(REGION_COLORS)],
                "coverage": float(region.mask.mean()),
            }
            for index, region in enumerate(scene.regions)
        ],
        "confidence": scene.confidence,
        "depth_source": scene.depth_source,
        "pivot_distance": pivot_distance(scene),
        "warnings": list(scene.warnings),
    }


def pivot_distance(scene: Scene) -> float:
    """Metres from the photo's camera to what stands in the middle of the picture.

    The median of its central ninth without the sky; where there is nothing but sky, of the whole picture without it.
    """
    if scene.maps is None:
        _, depth = scene.photo_view.project(scene.splats.positions)
        ahead = depth[depth > 0]
        return float(np.median(ahead)) if ahead.size else 1.0
    depth = scene.maps.depth
    height, width = depth.shape
    there = np.isfinite(depth)
    for region in scene.regions:
        if region.label.lower() == "sky" and region.mask.shape == depth.shape:
            there &= ~region.mask
    middle = np.zeros(depth.shape, bool)
    middle[height // 3 : height - height // 3, width // 3 : width - width // 3] = True
    for chosen in (there & middle, there, np.isfinite(depth)):
        if chosen.any():
            return float(np.median(depth[chosen]))
    return 1.0
