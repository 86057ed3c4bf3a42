"""A scene on disk: a folder NAME.anchorstage that other programs can read.

`scene.json` (schema 2) tells of all the others, which `parts` lists. Every write goes to a folder
with a temporary name, which is then renamed: a killed write leaves the previous scene whole.

A folder may be damaged, edited by hand, made by another program or made to do harm: when it is
opened, every value is checked before anything is done with it. Schema 1 (a photo, splats and one
camera; no regions, maps or scale) opens too.
"""

import os
import shutil
from pathlib import Path
from typing import Any, Literal

from ..camera import Camera
from ..errors import SceneError, SchemaError
from ..progress import Progress
from ..store import atomic_folder, json_file, read_json, recover, write_json
from ..version import version
from .parts import levels, maps, photo, regions, splats
from .record import PHOTO_CAMERA, SCHEMA, Scene

SUFFIX = ".anchorstage"
_RECORD = "scene.json"
_UNITS = "metres, Z up, photo along +Y; poses are OpenCV cameras (x right, y down, z forward)"

Part = Literal["photo", "splats", "levels", "maps", "regions"]
_PARTS = {
    "splats": splats,
    "levels": levels,
    "photo": photo,
    "maps": maps,
    "regions": regions,
}  # in the order written
_WRITTEN_AT = {
    "splats": 0.0,
    "photo": 0.5,
    "regions": 0.8,
}  # how far a save is when it comes to a part


def save(
    scene: Scene, folder: Path, overwrite: bool = False, progress: Progress | None = None
) -> None:
    """Write the whole scene atomically.

    Raises:
        OutputError: the name is taken, or the place cannot be written to.
    """
    progress = progress or Progress()
    with atomic_folder(Path(folder), overwrite) as temporary:
        _write(scene, temporary, tuple(_PARTS), progress)


def save_parts(
    scene: Scene, folder: Path, changed: set[Part], progress: Progress | None = None
) -> None:
    """Write the parts of a scene that have changed in the place of its folder, atomically.

    The files of all other parts, and whatever else lies in the folder, stay the very files they
    were.

    Args:
        scene: as it is now.
        folder: that holds the scene.
        changed: the parts that differ from what the folder holds; cameras and names are always
            written.
        progress: told 0..1.

    Raises:
        OutputError: the place cannot be written to; the old scene is whole then.
    """
    folder = Path(folder)
    progress = progress or Progress()
    replaced = {_RECORD}.union(*(_PARTS[part].entries(scene) for part in changed))
    with atomic_folder(folder, overwrite=True) as temporary:
        for entry in folder.iterdir():
            if entry.name not in replaced:
                _take_along(entry, temporary / entry.name)
        _write(scene, temporary, tuple(part for part in _PARTS if part in changed), progress)


def _write(scene: Scene, folder: Path, names: tuple[str, ...], progress: Progress) -> None:
    for name in names:
        if name in _WRITTEN_AT:
            progress(_WRITTEN_AT[name], "Saving")
        _PARTS[name].write(folder, scene)
    write_json(folder / _RECORD, _to_json(scene))
    progress(1.0, "Saving")


def _take_along(source: Path, target: Path) -> None:
    """Give a file, or all files of a folder, a second name.

    They are copied where the file system knows no second names.
    """
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link_or_copy)
    else:
        _link_or_copy(source, target)


def _link_or_copy(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _to_json(scene: Scene) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "generator": f"AnchorStage {version()}",
        "name": scene.name,
        "units": _UNITS,
        "photo": photo.to_json(scene),
        "depth_source": scene.depth_source,
        "warnings": list(scene.warnings),
        "splats": splats.to_json(scene),
        "maps": maps.to_json(scene),
        "masks": maps.masks_to_json(scene),
        "cameras": [camera.to_json() for camera in scene.cameras],
        "active_camera": scene.active_camera,
        "regions": regions.to_json(scene),
        "witnesses": list(scene.witnesses),
        "frames": list(scene.frames),
    }


def open_scene(folder: Path) -> Scene:
    """Read a scene folder; its levels of detail are left for `parts.levels`.

    Raises:
        SceneError: it is missing, not a scene, incomplete or damaged.
        SchemaError: a newer AnchorStage wrote it.
    """
    folder = Path(folder)
    record = _record(folder)
    schema = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise SceneError(
            f"“{folder / _RECORD}” is damaged: it names no schema. Restore it from a backup."
        )
    if schema > SCHEMA:
        raise SchemaError(
            f"“{folder.name}” was written by a newer AnchorStage (schema {schema}, this one reads "
            f"up to {SCHEMA}). Update AnchorStage to open it."
        )
    try:
        return _from_json(folder, record)
    except ValueError as error:
        raise SceneError(
            f"“{folder / _RECORD}” is damaged: {error}. Restore it from a backup."
        ) from error


def as_opened(scene: Scene) -> Scene:
    """Return a scene that was just saved as `open_scene` would give it, without a look at the disk.

    The file of splats rounds some numbers; a frame must not depend on who made the scene.
    """
    return scene.with_(splats=splats.as_read(scene.splats), levels=scene.levels)


def _record(folder: Path) -> Any:
    """Read what `scene.json` holds."""
    try:
        recover(folder)
        if folder.is_file():
            raise SceneError(
                f"“{folder}” is a file, not a scene. Choose the NAME.anchorstage folder."
            )
        if not folder.is_dir():
            raise SceneError(
                f"The scene folder “{folder}” is missing. "
                "Relink it, or reconstruct the photo again."
            )
        if not (folder / _RECORD).is_file():
            raise SceneError(
                f"“{folder}” has no scene.json, so it is not an AnchorStage scene. "
                "Choose another folder."
            )
    except OSError as error:
        raise SceneError(
            f"“{folder}” cannot be opened ({error.strerror}). Choose another folder."
        ) from error
    return read_json(folder / _RECORD)


def _from_json(folder: Path, record: json_file.Record) -> Scene:
    """Make the scene of a record.

    Raises:
        ValueError: in words, which value is wrong.
    """
    cameras = tuple(Camera.from_json(camera) for camera in json_file.children(record, "cameras"))
    if not cameras:
        raise ValueError("it has no camera")
    found = None
    if record.get("maps") is not None:
        masks = json_file.texts(record, "masks")
        found = maps.read_maps(json_file.inside(folder, record, "maps"), masks)
    return Scene(
        name=json_file.text(record, "name"),
        photo=photo.read(folder, json_file.child(record, "photo")),
        splats=splats.read(folder, json_file.child(record, "splats")),
        cameras=cameras,
        active_camera=json_file.text(record, "active_camera", PHOTO_CAMERA),
        maps=found,
        regions=regions.read(folder, json_file.children(record, "regions"), found),
        depth_source=json_file.text(record, "depth_source", ""),
        warnings=json_file.texts(record, "warnings"),
        witnesses=tuple(json_file.children(record, "witnesses")),
        frames=tuple(json_file.children(record, "frames")),
    )
