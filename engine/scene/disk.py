"""A scene on disk: a folder NAME.anchorstage that other programs can read.

`scene.json` (schema 2), the photo as it came, `splats.ply`, `maps/*.exr`, `regions/*.png`, and `levels.bin`, which makes
moving quick and is built anew where it is missing. The folder is written under a temporary name and renamed.
"""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..progress import Progress
from ..regions import Region
from ..render import levels
from ..splats import write_ply
from ..store import atomic_folder, write_json
from ..version import version
from .maps import write_maps
from .record import SCHEMA, Scene

SUFFIX = ".anchorstage"
LEVELS = "levels.bin"  # levels of detail, where they were built


def save(scene: Scene, folder: Path, overwrite: bool = False, progress: Progress | None = None) -> None:
    """Write the whole scene atomically.

    Raises:
        OutputError: the name is taken, or the place cannot be written to.
    """
    progress = progress or Progress()
    with atomic_folder(Path(folder), overwrite) as temporary:
        progress(0.0, "Saving")
        write_ply(temporary / "splats.ply", scene.splats)
        built = levels.attached(scene.splats)
        if built is not None:
            levels.write_levels(temporary / LEVELS, built, levels.key_of(temporary / "splats.ply"))
        progress(0.5, "Saving")
        if scene.photo is not None:
            (temporary / scene.photo.file_name).write_bytes(scene.photo.original)
        if scene.maps is not None:
            write_maps(temporary / "maps", scene.maps)
        progress(0.8, "Saving")
        (temporary / "regions").mkdir()
        for region in scene.regions:
            _, png = cv2.imencode(".png", region.mask.astype(np.uint8) * 255)
            (temporary / "regions" / f"{region.id}.png").write_bytes(png.tobytes())
        write_json(temporary / "scene.json", _to_json(scene))
        progress(1.0, "Saving")


def _to_json(scene: Scene) -> dict[str, Any]:
    photo = scene.photo
    return {
        "schema": SCHEMA,
        "generator": f"AnchorStage {version()}",
        "name": scene.name,
        "units": "metres, Z up, photo along +Y; poses are OpenCV cameras (x right, y down, z forward)",
        "photo": photo
        and {
            "file": photo.file_name,
            "width": photo.width,
            "height": photo.height,
            "sha256": hashlib.sha256(photo.original).hexdigest(),
            "exif": photo.exif,
        },
        "depth_source": scene.depth_source,
        "warnings": list(scene.warnings),
        "splats": {"file": "splats.ply", "count": len(scene.splats), "metric_scale": scene.splats.metric_scale},
        "maps": "maps" if scene.maps is not None else None,
        "cameras": [camera.to_json() for camera in scene.cameras],
        "active_camera": scene.active_camera,
        "regions": [_region_to_json(region) for region in scene.regions],
        "witnesses": list(scene.witnesses),
        "frames": list(scene.frames),
    }


def _region_to_json(region: Region) -> dict[str, Any]:
    return {
        "id": region.id,
        "label": region.label,
        "mask": f"regions/{region.id}.png",
        "plane": None if region.plane is None else [float(x) for x in region.plane],
        "locked": bool(region.locked),
        "confidence": float(region.confidence),
    }
