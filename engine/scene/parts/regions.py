"""The regions: a record in `scene.json` and a mask for each."""

from pathlib import Path
from typing import Any

from ...regions import Region
from ...store import json_file
from ..record import Maps, Scene
from .masks import read_mask, write_mask

FOLDER = "regions"
_MOST = 1000  # regions
_FARTHEST = 1e9  # metres, of a plane from the origin; beyond this single precision has no use


def entries(_scene: Scene) -> set[str]:
    """The names in the scene's folder that this part writes."""
    return {FOLDER}


def write(folder: Path, scene: Scene) -> None:
    """Write each region's mask."""
    (folder / FOLDER).mkdir()
    for region in scene.regions:
        write_mask(folder / FOLDER / f"{region.id}.png", region.mask)


def to_json(scene: Scene) -> list[dict[str, Any]]:
    """Return what `scene.json` says of the regions."""
    return [_region_to_json(region) for region in scene.regions]


def _region_to_json(region: Region) -> dict[str, Any]:
    return {
        "id": region.id,
        "label": region.label,
        "mask": f"{FOLDER}/{region.id}.png",
        "plane": region.plane_list(),
        "locked": bool(region.locked),
        "confidence": float(region.confidence),
    }


def read(folder: Path, records: list[json_file.Record], maps: Maps | None) -> tuple[Region, ...]:
    """Read the regions, whose masks lie on the grid of the maps where there are any.

    Raises:
        SceneError: a mask is missing or damaged.
        ValueError: a record makes no sense.
    """
    if len(records) > _MOST:
        raise ValueError(f"it has {len(records)} regions, and {_MOST} are the most")
    regions = tuple(_read_region(folder, record, maps) for record in records)
    if len({region.id for region in regions}) != len(regions):
        raise ValueError("two regions have the same id")
    return regions


def _read_region(folder: Path, record: json_file.Record, maps: Maps | None) -> Region:
    plane = None
    if record.get("plane") is not None:
        plane = json_file.numbers(record, "plane", 4, _FARTHEST)
    shape = None if maps is None else maps.depth.shape
    return Region(
        id=json_file.name_text(record, "id"),
        label=json_file.text(record, "label"),
        mask=read_mask(json_file.inside(folder, record, "mask"), shape, "region mask"),
        plane=plane,
        locked=json_file.flag(record, "locked", False),
        confidence=json_file.number(record, "confidence", 0, 1, 1.0),
    )
