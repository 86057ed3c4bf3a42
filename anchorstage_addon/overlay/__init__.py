"""The splats in the 3D viewports, beside and among Blender's own meshes.

`read` and `show` take the file that the engine's `overlay` job wrote; the splats are drawn wherever
`scene.anchorstage.path` points to the same scene folder, and nowhere else.

```
textures    NumPy alone: the data textures
sorting     NumPy alone: the drawing order
projection  NumPy alone: the shaders' numbers of a viewport
confidence  the bounds of green, yellow and red
store       the scenes that are loaded, by folder
shaders     splats -> float images -> viewport
painting    splats drawn into float images
views       one cached picture a region; fewer splats while it moves, all of them when it rests
draw        the draw handler; `pick`
guard       one error stops the drawing
```
"""

import bpy

from . import draw, guard, panel, properties, store, views
from .draw import pick
from .properties import redraw
from .store import read
from .textures import PackedSplats

__all__ = ["clear", "pick", "read", "register", "set_scene", "show", "unregister"]


def show(key: str, packed: PackedSplats, region_colors: list | None = None) -> None:
    """Take a scene's splats for drawing. Main thread only.

    Args:
        key: the scene's folder, as in `scene.anchorstage.path`.
        packed: the splats, of `read`.
        region_colors: each region's r, g, b (sRGB-encoded), so that swatches and overlay agree.
    """
    store.put(key, packed, region_colors)
    guard.restart()
    redraw(None, None)


def set_scene(key: str) -> bool:
    """Say that `key` is the scene in use; return False where `show` must be called for it first."""
    known = store.touch(key)
    redraw(None, None)
    return known


def clear(key: str | None = None) -> None:
    """Free the splats of one scene folder, or all of them."""
    store.drop(key)
    views.drop()
    redraw(None, None)


@bpy.app.handlers.persistent
def _drop_other_files(*_arguments: object) -> None:
    """Free all splats: GPU textures outlive a file load, and the last file's must not be drawn."""
    store.drop()
    views.drop()


def register() -> None:
    """Add settings, panel and the draw handler."""
    properties.register()
    panel.register()
    draw.register()
    bpy.app.handlers.load_post.append(_drop_other_files)


def unregister() -> None:
    """Take everything away again and free the GPU's memory, while the session still holds it."""
    if _drop_other_files in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_drop_other_files)
    draw.unregister()
    views.drop()
    store.drop()
    panel.unregister()
    properties.unregister()
