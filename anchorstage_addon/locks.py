"""Locks of regions on their way to the engine, which keeps them in the scene's folder."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import bpy

from . import link, session
from .ui import absolute, status


class Locks:
    """The engine's locks, as far as this session knows them."""

    def __init__(self) -> None:
        self.is_listening = True  # whether a changed lock is the artist's doing
        # The ids of locked regions, by the path that the Blender scene keeps.
        self.known: dict[str, set[str]] = {}


def locked_regions(scene: bpy.types.Scene) -> set[str]:
    """Return the ids of the regions that a Blender scene shows as locked."""
    return {region.name for region in scene.anchorstage.regions if region.locked}


@contextmanager
def told_by_the_engine(path: str, records: Iterable[Mapping[str, Any]]) -> Iterator[None]:
    """Let locks change inside the block as the engine's records say, without sending them back."""
    locks = session.of(Locks)
    locks.known[path] = {record["id"] for record in records if record["locked"]}
    locks.is_listening = False
    try:
        yield
    finally:
        locks.is_listening = True


def lock_changed(region: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """Send the locks of the scene that a region belongs to, after the artist changed one."""
    if session.of(Locks).is_listening:
        sync(region.id_data)


def sync(scene: bpy.types.Scene) -> None:
    """Have the engine keep the locks as Blender shows them, where it knows others.

    Undo changes locks without telling; so this is asked after it, too. Without a window nothing
    is sent: there a render farm looks at a scene that others work on.
    """
    known = session.of(Locks).known
    path = scene.anchorstage.path
    locked = locked_regions(scene)
    if bpy.app.background or not path or known.get(path, locked) == locked:
        return
    known[path] = locked

    def failed(error: Exception) -> None:
        known.pop(path, None)
        if not isinstance(error, link.Stopped):
            status.tell(str(error), is_error=True)

    folder = absolute(path, scene.library)
    args = {"scene": str(folder), "locked": sorted(locked)}
    link.submit("lock", args, on_error=failed)
