"""Photos whose depth is known: real ones from a folder, and those of the Cycles scenes.

The folder holds NAME.jpg, NAME.json (width, height, fx in pixels, `kind`, `metric`: whether metres
are known) and NAME.npz (`u`, `v` pixel columns and rows, `z` planar metres, sparse). The photos are
no part of the project.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.cycles import library
from benchmarks.cycles.catalogue import PHOTO
from engine.image import Photo, read

_SETS = {  # of a photo's kind: which rows it counts in, the closest first
    "kitti": ("photos kitti", "photos streets"),
    "nuscenes": ("photos nuscenes", "photos streets"),
    "arch_sfm": ("photos architecture",),
    "indoor": ("photos indoor",),
}
_INDOOR_KINDS = ("indoor",)
CYCLES, PHOTOS = "cycles all", "photos all"


@dataclass(frozen=True, eq=False)
class Measured:
    """A photo and the depth of some or all of its pixels."""

    name: str
    sets: tuple[str, ...]
    photo: Photo = field(repr=False)
    focal_px: float | None  # of the whole photo, where EXIF does not say
    metric: bool  # whether the true depth's unit is the metre
    outdoors: bool
    places: tuple[np.ndarray, np.ndarray] = field(
        repr=False
    )  # (N,) rows and columns, pixels of the photo
    depth: np.ndarray = field(repr=False)  # (N,) planar metres at those places
    picture: library.Picture | None = field(
        default=None, repr=False
    )  # of a Cycles scene: everything that is true


def photos(folder: str | Path | None) -> list[Measured]:
    """The real ones; none where there is no folder."""
    return [_photo(record) for record in sorted(Path(folder).glob("*.json"))] if folder else []


def cycles(scenes: list[library.Made]) -> list[Measured]:
    """The Cycles scenes' own photos, of which every pixel but the sky's is measured."""
    return [_of_scene(made) for made in scenes]


def _photo(record: Path) -> Measured:
    known = json.loads(record.read_text())
    photo, kind = read(record.with_suffix(".jpg")), known["kind"]
    with np.load(record.with_suffix(".npz")) as points:
        scale = photo.height / known["height"], photo.width / known["width"]
        places = tuple(
            (points[axis].astype(float) * factor) for axis, factor in zip("vu", scale, strict=True)
        )
        depth = points["z"].astype(float)
    sets = (*_SETS.get(kind, (f"photos {kind}",)), PHOTOS)
    focal = known["fx"] * photo.width / known["width"]
    return Measured(
        record.stem, sets, photo, focal, known["metric"], kind not in _INDOOR_KINDS, places, depth
    )


def _of_scene(made: library.Made) -> Measured:
    picture = made.picture(PHOTO)
    places = np.nonzero(np.isfinite(picture.depth))
    where = "outdoors" if made.scene.outdoors else "indoors"
    return Measured(
        name=made.scene.name,
        sets=(f"cycles {where}", CYCLES),
        photo=read(made.photo_path),
        focal_px=None,
        metric=True,
        outdoors=made.scene.outdoors,
        places=(places[0].astype(float), places[1].astype(float)),
        depth=picture.depth[places].astype(float),
        picture=picture,
    )
