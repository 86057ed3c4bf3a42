"""Paths in Blender: properties that hold one, and their way to the engine."""

import os
from pathlib import Path

import bpy

# From 4.5 on a path property must say that it may begin with //; before, every path property may.
MAY_BE_RELATIVE: set[str] = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5) else set()


def absolute(path: str, library: bpy.types.Library | None = None) -> Path:
    """Return the path from the root: the engine has a working folder of its own.

    Args:
        path: as Blender keeps it; `//` is the folder of the .blend, or of the library that its
            owner is linked from.
        library: that library.
    """
    return Path(os.path.abspath(bpy.path.abspath(path, library=library)))
