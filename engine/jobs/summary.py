"""What Blender and the command line want to know of a scene, in plain JSON."""

from pathlib import Path
from typing import Any

from ..scene import REGION_COLORS, Scene
from ..scene.facts import pivot_distance


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
                "plane": region.plane_list(),
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
