"""What Blender and the command line want to know of a scene, in plain JSON."""

from pathlib import Path
from typing import Any

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
    """Metres from the photo's camera to what stands in the middle of the picture (the median of its central ninth)."""
    import numpy as np

    if scene.maps is None:
        _, depth = scene.photo_view.project(scene.splats.positions)
        ahead = depth[depth > 0]
        return float(np.median(ahead)) if ahead.size else 1.0
    height, width = scene.maps.depth.shape
    middle = scene.maps.depth[height // 3 : height - height // 3, width // 3 : width - width // 3]
    there = middle[np.isfinite(middle)]
    return float(np.median(there)) if there.size else 1.0
