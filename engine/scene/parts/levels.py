"""Levels of detail, which make moving frames quick. They can be built anew from the splats."""

import logging
from pathlib import Path

from ...errors import OutputError
from ...progress import Progress
from ...render.levels import Levels
from ...render.levels.build import build_levels
from ...render.levels.file import key_of, read_levels, write_levels
from ..record import Scene
from . import splats

_log = logging.getLogger(__name__)

FILE = "levels.bin"


def entries(_scene: Scene) -> set[str]:
    """The names in the scene's folder that this part writes."""
    return {FILE}


def write(folder: Path, scene: Scene) -> None:
    """Write `levels.bin`, where the scene has levels; `splats.ply` is there already."""
    if scene.levels is not None:
        write_levels(folder / FILE, scene.levels, key_of(folder / splats.FILE))


def read(folder: Path, scene: Scene) -> Levels | None:
    """Read the levels of a scene that was opened.

    None where the file is missing, damaged, or of other splats.
    """
    try:
        key = key_of(folder / splats.FILE)
    except OSError:
        return None
    return read_levels(folder / FILE, len(scene.splats), key)


def read_or_build(folder: Path | None, scene: Scene, progress: Progress | None = None) -> Scene:
    """Return the scene with its levels: its own, those of the folder, or new ones.

    New ones are written to the folder.

    A folder that cannot be written to is left alone.

    Args:
        folder: that the scene was opened from; None where it holds another scene by now.
        scene: with or without levels.
        progress: told 0..1 where they are built.

    Raises:
        Cancelled: through `progress`.
    """
    if scene.levels is not None:
        return scene
    found = None if folder is None else read(folder, scene)
    if found is not None:
        return scene.with_(levels=found)
    built = scene.with_(levels=build_levels(scene.splats, progress))
    try:
        if folder is not None:
            write(folder, built)
    except (OutputError, OSError) as error:
        _log.info("The levels of detail are kept in memory only: %s", error)
    return built
