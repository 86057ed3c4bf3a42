"""A scene on disk: a folder NAME.anchorstage that other programs can read.

`scene.json` (schema 2), the photo as it came, `splats.ply`, `maps/*.exr`, `regions/*.png`. The folder is written under
a temporary name and renamed. Schema 1 (a photo, splats and one camera; no regions, maps or scale) opens too.
"""

import hashlib
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..camera import Camera
from ..errors import SceneError, SchemaError, SplatError
from ..progress import Progress
from ..regions import Region
from ..splats import Splats, read_ply, write_ply
from ..store import atomic_folder, read_json, recover, write_json
from ..version import version
from .maps import read_maps, write_maps
from .record import PHOTO_CAMERA, SCHEMA, BaseWitness, Scene

log = logging.getLogger(__name__)

SUFFIX = ".anchorstage"


def save(scene: Scene, folder: Path, overwrite: bool = False, progress: Progress | None = None) -> None:
    """Write the whole scene atomically.

    Raises:
        OutputError: the name is taken, or the place cannot be written to.
    """
    progress = progress or Progress()
    with atomic_folder(Path(folder), overwrite) as temporary:
        progress(0.0, "Saving")
        write_ply(temporary / "splats.ply", scene.splats)
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


def open_scene(folder: Path) -> Scene:
    """Read a scene folder.

    Raises:
        SceneError: it is missing, not a scene, incomplete or damaged.
        SchemaError: a newer AnchorStage wrote it.
    """
    folder = Path(folder)
    recover(folder)
    if not folder.is_dir():
        raise SceneError(f"The scene folder “{folder}” is missing. Relink it, or reconstruct the photo again.")
    if not (folder / "scene.json").is_file():
        raise SceneError(f"“{folder}” has no scene.json, so it is not an AnchorStage scene. Choose another folder.")
    record = read_json(folder / "scene.json")
    schema = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(schema, int) or schema < 1:
        raise SceneError(f"“{folder / 'scene.json'}” is damaged: it names no schema. Restore it from a backup.")
    if schema > SCHEMA:
        raise SchemaError(
            f"“{folder.name}” was written by a newer AnchorStage (schema {schema}, this one reads up to {SCHEMA}). "
            "Update AnchorStage to open it."
        )
    try:
        return _from_json(folder, record)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        log.debug("damaged scene.json", exc_info=error)
        raise SceneError(f"“{folder / 'scene.json'}” is damaged ({error}). Restore it from a backup.") from error


def _from_json(folder: Path, record: dict[str, Any]) -> Scene:
    splats = _read_splats(folder, record.get("splats") or {})
    cameras = tuple(Camera.from_json(camera) for camera in record["cameras"])
    if not cameras:
        raise ValueError("it has no camera")
    return Scene(
        name=str(record["name"]),
        photo=_read_photo(folder, record.get("photo")),
        splats=splats,
        cameras=cameras,
        active_camera=str(record.get("active_camera", PHOTO_CAMERA)),
        maps=read_maps(folder / record["maps"]) if record.get("maps") else None,
        regions=tuple(_read_region(folder, region) for region in record.get("regions", [])),
        depth_source=str(record.get("depth_source", "")),
        warnings=tuple(record.get("warnings", [])),
        witnesses=tuple(record.get("witnesses", [])),
        frames=tuple(record.get("frames", [])),
    )


def _read_splats(folder: Path, record: dict[str, Any]) -> Splats:
    path = folder / record.get("file", "splats.ply")
    try:
        splats = read_ply(path)
    except SplatError as error:
        raise SceneError(str(error)) from error
    if "count" in record and record["count"] != len(splats):
        raise SceneError(f"“{path}” holds {len(splats)} splats, scene.json says {record['count']}. Restore it from a backup.")
    return splats.with_(metric_scale=float(record.get("metric_scale", 1.0)))


def _read_photo(folder: Path, record: dict[str, Any] | None) -> BaseWitness | None:
    if not record:
        return None
    path = folder / record["file"]
    try:
        original = path.read_bytes()
    except OSError as error:
        raise SceneError(f"The photo “{path}” is missing. Put it back, or reconstruct again.") from error
    if "sha256" in record and hashlib.sha256(original).hexdigest() != record["sha256"]:
        raise SceneError(f"The photo “{path}” has changed since the reconstruction. Put the original back.")
    return BaseWitness(path.name, original, int(record["width"]), int(record["height"]), dict(record.get("exif", {})))


def _read_region(folder: Path, record: dict[str, Any]) -> Region:
    path = folder / record["mask"]
    data = np.fromfile(path, np.uint8) if path.is_file() else np.zeros(0, np.uint8)
    mask = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if mask is None:
        raise SceneError(f"The region mask “{path}” is missing or damaged. Restore it, or reconstruct again.")
    plane = record.get("plane")
    return Region(
        id=str(record["id"]),
        label=str(record["label"]),
        mask=mask > 127,
        plane=None if plane is None else np.array(plane, float).reshape(4),
        locked=bool(record.get("locked", False)),
        confidence=float(record.get("confidence", 1.0)),
    )
