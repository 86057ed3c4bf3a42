"""The photo, bit for bit as it came."""

import hashlib
from pathlib import Path
from typing import Any

from ...camera import LONGEST_SIDE
from ...errors import SceneError
from ...store import json_file
from ..record import BaseWitness, Scene


def entries(scene: Scene) -> set[str]:
    """The names in the scene's folder that this part writes."""
    return {scene.photo.file_name} if scene.photo is not None else set()


def write(folder: Path, scene: Scene) -> None:
    """Write the photo's file, where the scene has one."""
    if scene.photo is not None:
        (folder / scene.photo.file_name).write_bytes(scene.photo.original)


def to_json(scene: Scene) -> dict[str, Any] | None:
    """Return what `scene.json` says of the photo."""
    photo = scene.photo
    if photo is None:
        return None
    return {
        "file": photo.file_name,
        "width": photo.width,
        "height": photo.height,
        "sha256": hashlib.sha256(photo.original).hexdigest(),
        "exif": photo.exif,
    }


def read(folder: Path, record: json_file.Record) -> BaseWitness | None:
    """Read the photo; None where the record names none.

    Raises:
        SceneError: it is missing, cannot be read, or has changed.
        ValueError: the record makes no sense.
    """
    if not record:
        return None
    path = json_file.inside(folder, record, "file")
    width = json_file.whole(record, "width", 1, LONGEST_SIDE)
    height = json_file.whole(record, "height", 1, LONGEST_SIDE)
    if not path.is_file():
        raise SceneError(f"The photo “{path}” is missing. Put it back, or reconstruct again.")
    try:
        original = path.read_bytes()
    except OSError as error:
        raise SceneError(
            f"The photo “{path}” cannot be read ({error.strerror}). Check its permissions."
        ) from error
    if "sha256" in record and hashlib.sha256(original).hexdigest() != record["sha256"]:
        raise SceneError(
            f"The photo “{path}” has changed since the reconstruction. Put the original back."
        )
    return BaseWitness(path.name, original, width, height, json_file.child(record, "exif"))
