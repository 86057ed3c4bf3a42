"""Opening a scene folder: every value is checked before anything is done with it.

A folder may be damaged, edited by hand, made by another program or made to do harm. Schema 1 (a photo, splats and one
camera; no regions, maps or scale) opens too.
"""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..camera import LONGEST_SIDE, Camera
from ..errors import ImageError, SceneError, SchemaError, SplatError
from ..image import header
from ..image.photo import MAX_PIXELS
from ..regions import Region
from ..render import levels
from ..splats import Splats, read_ply
from ..store import json_file, quiet, read_json, recover
from .disk import LEVELS
from .maps import read_maps
from .record import PHOTO_CAMERA, SCHEMA, BaseWitness, Maps, Scene

_LARGEST_SCALE = 1e6  # metres per unit: what is larger or smaller than its inverse is a damaged number
_FARTHEST = 1e9  # metres, of a plane from the origin; beyond this single precision has no use
_MOST_REGIONS = 1000

Json = dict[str, Any]


def open_scene(folder: Path) -> Scene:
    """Read a scene folder.

    Raises:
        SceneError: it is missing, not a scene, incomplete or damaged.
        SchemaError: a newer AnchorStage wrote it.
    """
    folder = Path(folder)
    record = _record(folder)
    schema = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise SceneError(f"“{folder / 'scene.json'}” is damaged: it names no schema. Restore it from a backup.")
    if schema > SCHEMA:
        raise SchemaError(
            f"“{folder.name}” was written by a newer AnchorStage (schema {schema}, this one reads up to {SCHEMA}). "
            "Update AnchorStage to open it."
        )
    try:
        return _from_json(folder, record)
    except ValueError as error:
        raise SceneError(f"“{folder / 'scene.json'}” is damaged: {error}. Restore it from a backup.") from error


def _record(folder: Path) -> Any:
    """What scene.json holds."""
    try:
        recover(folder)
        if folder.is_file():
            raise SceneError(f"“{folder}” is a file, not a scene. Choose the NAME.anchorstage folder.")
        if not folder.is_dir():
            raise SceneError(f"The scene folder “{folder}” is missing. Relink it, or reconstruct the photo again.")
        if not (folder / "scene.json").is_file():
            raise SceneError(f"“{folder}” has no scene.json, so it is not an AnchorStage scene. Choose another folder.")
    except OSError as error:
        raise SceneError(f"“{folder}” cannot be opened ({error.strerror}). Choose another folder.") from error
    return read_json(folder / "scene.json")


def _from_json(folder: Path, record: Json) -> Scene:
    """The scene of a record; ValueError says in words which value is wrong."""
    cameras = tuple(Camera.from_json(camera) for camera in json_file.children(record, "cameras"))
    if not cameras:
        raise ValueError("it has no camera")
    maps = None if record.get("maps") is None else read_maps(json_file.inside(folder, record, "maps"))
    return Scene(
        name=json_file.text(record, "name"),
        photo=_read_photo(folder, json_file.child(record, "photo")),
        splats=_read_splats(folder, json_file.child(record, "splats")),
        cameras=cameras,
        active_camera=json_file.text(record, "active_camera", PHOTO_CAMERA),
        maps=maps,
        regions=_read_regions(folder, json_file.children(record, "regions"), maps),
        depth_source=json_file.text(record, "depth_source", ""),
        warnings=json_file.texts(record, "warnings"),
        witnesses=tuple(json_file.children(record, "witnesses")),
        frames=tuple(json_file.children(record, "frames")),
    )


def _read_splats(folder: Path, record: Json) -> Splats:
    path = json_file.inside(folder, record, "file", "splats.ply")
    scale = json_file.number(record, "metric_scale", 1 / _LARGEST_SCALE, _LARGEST_SCALE, 1.0)
    try:
        splats = read_ply(path)
    except SplatError as error:
        raise SceneError(str(error)) from error
    if "count" in record and record["count"] != len(splats):
        raise json_file.FieldError(record, "count", f"{len(splats)}, the number of splats in {path.name}")
    splats = splats.with_(metric_scale=scale)
    levels.expect(splats, folder / LEVELS, path)
    return splats


def _read_photo(folder: Path, record: Json) -> BaseWitness | None:
    if not record:
        return None
    path = json_file.inside(folder, record, "file")
    width, height = (json_file.whole(record, name, 1, LONGEST_SIDE) for name in ("width", "height"))
    if not path.is_file():
        raise SceneError(f"The photo “{path}” is missing. Put it back, or reconstruct again.")
    try:
        original = path.read_bytes()
    except OSError as error:
        raise SceneError(f"The photo “{path}” cannot be read ({error.strerror}). Check its permissions.") from error
    if "sha256" in record and hashlib.sha256(original).hexdigest() != record["sha256"]:
        raise SceneError(f"The photo “{path}” has changed since the reconstruction. Put the original back.")
    return BaseWitness(path.name, original, width, height, json_file.child(record, "exif"))


def _read_regions(folder: Path, records: list[Json], maps: Maps | None) -> tuple[Region, ...]:
    if len(records) > _MOST_REGIONS:
        raise ValueError(f"it has {len(records)} regions, and {_MOST_REGIONS} are the most")
    regions = tuple(_read_region(folder, record, maps) for record in records)
    if len({region.id for region in regions}) != len(regions):
        raise ValueError("two regions have the same id")
    return regions


def _read_region(folder: Path, record: Json, maps: Maps | None) -> Region:
    plane = None if record.get("plane") is None else json_file.numbers(record, "plane", 4, _FARTHEST)
    return Region(
        id=json_file.name_text(record, "id"),
        label=json_file.text(record, "label"),
        mask=_read_mask(json_file.inside(folder, record, "mask"), maps),
        plane=plane,
        locked=json_file.flag(record, "locked", False),
        confidence=json_file.number(record, "confidence", 0, 1, 1.0),
    )


def _read_mask(path: Path, maps: Maps | None) -> np.ndarray:
    """(H, W) bool, on the grid of the maps where there are any."""
    data = path.read_bytes() if path.is_file() else b""
    mask = None
    try:
        # Before anything is decoded: a few damaged bytes ask for gigabytes.
        head = header.parse(data, path)
        fits = (head.height, head.width) == maps.depth.shape if maps is not None else head.width * head.height <= MAX_PIXELS
        if head.format == "png" and fits:
            with quiet():
                mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (cv2.error, ImageError):
        mask = None
    if mask is None:
        raise SceneError(
            f"The region mask “{path}” is missing, damaged or of another size than the maps. Restore it, or reconstruct again."
        )
    return mask > 127
