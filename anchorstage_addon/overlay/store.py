"""Which scenes' splats are loaded for drawing, by the path of their folder; the textures they are drawn from."""

import itertools
import os

import bpy
import gpu
import numpy as np

from .. import scene_state
from . import textures

# Two scenes of a million splats, at 80 bytes a splat, stay under the 200 MB that a scene may take in Blender.
MAX_LOADED = 2

_serials = itertools.count(1)
_loaded: dict[str, "LoadedSplats"] = {}  # the most recently used last


class LoadedSplats:
    """One scene's splats; the GPU gets them at the first draw, when a context is sure to be there."""

    def __init__(self, packed: textures.PackedSplats, region_colors: list | None) -> None:
        self.serial = next(_serials)
        self.count = packed.count
        self.positions = packed.positions
        self._waiting: dict | None = {
            "splats": (packed.texels, "RGBA32F"),
            "palette": (textures.palette(region_colors), "RGBA16F"),
        }
        self._samplers: dict = {}

    def samplers(self) -> dict:
        """The textures by sampler name."""
        if self._waiting is not None:
            self._samplers = {
                name: upload(texels, form) for name, (texels, form) in self._waiting.items()
            }
            self._waiting = None
        return self._samplers


def upload(texels: np.ndarray, form: str) -> "gpu.types.GPUTexture":
    """A texture of (rows, columns, channels) float32; Blender reads the array itself, so its type must be right."""
    rows, columns, _ = texels.shape
    limit = gpu.capabilities.max_texture_size_get()
    if max(rows, columns) > limit:
        raise ValueError(
            f"These splats need a texture of {rows} rows and the graphics card allows {limit}; lower the splat budget."
        )
    flat = np.ascontiguousarray(texels, np.float32).ravel()
    return gpu.types.GPUTexture(
        (columns, rows), format=form, data=gpu.types.Buffer("FLOAT", flat.size, flat)
    )


def scene_key(path: str) -> str:
    """The one spelling of a scene folder's path; "" for no path. Blender's `//` is the folder of the .blend."""
    return os.path.realpath(bpy.path.abspath(path)) if path else ""


def current(scene: bpy.types.Scene | None) -> LoadedSplats | None:
    """What is loaded for the folder that this Blender scene points to."""
    folder = scene_state.folder(scene) if scene is not None else None
    return _loaded.get(scene_key(str(folder))) if folder is not None else None


def read(path: str) -> textures.PackedSplats:
    """Reads and packs an overlay file. Any thread: it takes up to half a second for a million splats."""
    return textures.pack(textures.read_table(path))


def put(key: str, packed: textures.PackedSplats, region_colors: list | None) -> None:
    """Keeps packed splats under a key, in place of what that key held; forgets the least recently used scene."""
    if bpy.app.background:  # nothing is drawn: do not spend the memory
        return
    key = scene_key(key)
    _loaded.pop(key, None)
    _loaded[key] = LoadedSplats(packed, region_colors)
    while len(_loaded) > MAX_LOADED:
        del _loaded[next(iter(_loaded))]


def touch(key: str) -> bool:
    """Marks a key as the most recently used; False where nothing is loaded for it."""
    key = scene_key(key)
    if key not in _loaded:
        return False
    _loaded[key] = _loaded.pop(key)
    return True


def drop(key: str | None = None) -> None:
    """Frees one scene's splats, or all of them."""
    if key is None:
        _loaded.clear()
    else:
        _loaded.pop(scene_key(key), None)
