"""The scenes whose splats are loaded for drawing, by their folders, and their textures."""

import itertools
import os
from collections.abc import Iterator

import bpy
import gpu
import numpy as np

from .. import scene_state, session
from . import textures

# Two scenes of a million splats, at 80 bytes a splat, stay under the 200 MB that a scene may take
# in Blender.
MAX_LOADED = 2


class LoadedSplats:
    """One scene's splats; the GPU gets them at the first draw, when there is surely a context."""

    def __init__(
        self, serial: int, packed: textures.PackedSplats, region_colors: list | None
    ) -> None:
        self.serial = serial  # no other splats of this session have it
        self.count = packed.count
        self.positions = packed.positions
        self._waiting: dict | None = {
            "splats": (packed.texels, "RGBA32F"),
            "palette": (textures.palette(region_colors), "RGBA16F"),
        }
        self._samplers: dict = {}

    def samplers(self) -> dict:
        """Return the textures by the names of their samplers."""
        if self._waiting is not None:
            for name, (texels, form) in self._waiting.items():
                self._samplers[name] = upload(texels, form)
            self._waiting = None  # the arrays' memory is free again
        return self._samplers


class LoadedScenes:
    """The scenes that are loaded."""

    def __init__(self) -> None:
        self.by_key: dict[str, LoadedSplats] = {}  # the most recently used last
        self.serials: Iterator[int] = itertools.count(1)


def upload(texels: np.ndarray, form: str) -> "gpu.types.GPUTexture":
    """Give the GPU a texture.

    Args:
        texels: (rows, columns, channels).
        form: Blender's name of the texture's format.

    Raises:
        ValueError: the graphics card allows no texture of this size.
    """
    rows, columns, _ = texels.shape
    limit = gpu.capabilities.max_texture_size_get()
    if max(rows, columns) > limit:
        raise ValueError(
            f"These splats need a texture of {rows} rows and the graphics card allows {limit}; "
            "lower the splat budget."
        )
    # Blender reads the array's memory without a look at its type: it must be float32.
    flat = np.ascontiguousarray(texels, np.float32).ravel()
    buffer = gpu.types.Buffer("FLOAT", flat.size, flat)
    return gpu.types.GPUTexture((columns, rows), format=form, data=buffer)


def scene_key(path: str) -> str:
    """Return the one spelling of a scene folder's path; "" for no path.

    Blender's `//` is the folder of the .blend.
    """
    if not path:
        return ""
    return os.path.realpath(bpy.path.abspath(path))


def current(scene: bpy.types.Scene | None) -> LoadedSplats | None:
    """Return the splats that are loaded for the folder that a Blender scene points to."""
    folder = scene_state.folder(scene) if scene is not None else None
    if folder is None:
        return None
    key = scene_key(str(folder))
    return session.of(LoadedScenes).by_key.get(key)


def read(path: str) -> textures.PackedSplats:
    """Read and pack an overlay file.

    Any thread may do so: it takes up to half a second for a million splats.
    """
    table = textures.read_table(path)
    return textures.pack(table)


def put(key: str, packed: textures.PackedSplats, region_colors: list | None) -> None:
    """Keep packed splats under a key, in place of those that it held.

    The least recently used scene is forgotten.
    """
    # Nothing is drawn in background: the memory would be wasted.
    if bpy.app.background:
        return
    key = scene_key(key)
    scenes = session.of(LoadedScenes)
    scenes.by_key.pop(key, None)
    scenes.by_key[key] = LoadedSplats(next(scenes.serials), packed, region_colors)
    while len(scenes.by_key) > MAX_LOADED:
        oldest = next(iter(scenes.by_key))
        del scenes.by_key[oldest]


def touch(key: str) -> bool:
    """Mark a key as the most recently used; return False where nothing is loaded for it."""
    key = scene_key(key)
    by_key = session.of(LoadedScenes).by_key
    if key not in by_key:
        return False
    # Taken out and put back, it is the last one.
    by_key[key] = by_key.pop(key)
    return True


def drop(key: str | None = None) -> None:
    """Free one scene's splats, or all of them."""
    by_key = session.of(LoadedScenes).by_key
    if key is None:
        by_key.clear()
    else:
        by_key.pop(scene_key(key), None)
