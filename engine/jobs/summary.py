"""The summary of a scene, in plain JSON, for Blender and the command line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..scene import REGION_COLORS, Scene
from ..scene.facts import pivot_distance

# The fields of a summary, for the reference of the jobs that give one.
SUMMARY = (
    "`scene`, `name`, `splats`, `width`, `height`, `photo`, `camera`, `cameras`, "
    "`regions` (`id`, `label`, `locked`, `plane`, `color`, `coverage`), "
    "`confidence`, `depth_source`, `pivot_distance`, `warnings`"
)


def summary(scene: Scene, folder: Path) -> dict[str, Any]:
    """Summarise a scene: its name, sizes, regions, cameras and what the artist should be told."""
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


def told(result: dict[str, Any]) -> Iterator[str]:
    """Tell a person what a summary says, line by line."""
    size = f"photo {result['width']}x{result['height']}"
    yield f"{result['scene']}: {result['splats']:,} splats, {size}"
    camera = result["camera"]
    lens = f"{camera['focal_length']:.1f} mm on {camera['sensor_width']:.0f} mm"
    yield f"camera: {lens}, {camera['position'][2]:.2f} m above the ground"
    yield "regions: " + ", ".join(region["id"] for region in result["regions"])
    yield f"depth: {result['depth_source']}; confidence {result['confidence']:.2f}"
    for warning in result["warnings"]:
        yield f"note: {warning}"
    if "seconds" in result:
        stages = (f"{stage} {value:.2f}" for stage, value in result["seconds"].items())
        yield "seconds: " + ", ".join(stages)
