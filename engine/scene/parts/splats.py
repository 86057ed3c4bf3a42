"""The splats, as a PLY that any viewer of Gaussian splats opens."""

from pathlib import Path
from typing import Any

from ...errors import SceneError, SplatError
from ...formats.ply import METRIC_SCALE, as_read, read_ply, write_ply
from ...splats import Splats
from ...store import json_file
from ..record import Scene

__all__ = ["FILE", "as_read", "entries", "read", "to_json", "write"]

FILE = "splats.ply"
_LARGEST_SCALE = (
    1e6  # metres per unit: what is larger or smaller than its inverse is a damaged number
)


def entries(_scene: Scene) -> set[str]:
    """The names in the scene's folder that this part writes."""
    return {FILE}


def write(folder: Path, scene: Scene) -> None:
    """Write `splats.ply`, in metres."""
    write_ply(folder / FILE, scene.splats)


def to_json(scene: Scene) -> dict[str, Any]:
    """Return what `scene.json` says of the splats."""
    return {"file": FILE, "count": len(scene.splats), "metric_scale": METRIC_SCALE}


def read(folder: Path, record: json_file.Record) -> Splats:
    """Read the splats into metres.

    Raises:
        SceneError: the file is missing or damaged.
        ValueError: the record makes no sense, or does not fit the file.
    """
    path = json_file.inside(folder, record, "file", FILE)
    # Where the record is silent, the file's own header says how many metres a unit is.
    scale = None
    if "metric_scale" in record:
        scale = json_file.number(record, "metric_scale", 1 / _LARGEST_SCALE, _LARGEST_SCALE)
    try:
        splats = read_ply(path, scale)
    except SplatError as error:
        raise SceneError(str(error)) from error
    if "count" in record and record["count"] != len(splats):
        must = f"{len(splats)}, the number of splats in {path.name}"
        raise json_file.FieldError(record, "count", must)
    return splats
