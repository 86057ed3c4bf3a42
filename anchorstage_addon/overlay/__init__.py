"""The splats in the 3D viewports, beside and among Blender's own meshes.

`read` and `show` take what the engine's `overlay` job wrote; the splats are drawn wherever `scene.anchorstage.path` points
to the same scene folder, and nowhere else.

```
textures  NumPy alone: texture layout, drawing order, the view's uniform block
store     which scenes are loaded, by folder
shaders   splats -> float image -> viewport
views     one cached image for each region; fewer splats while it moves, all of them when it rests
draw      the draw handler; `pick`
guard     one error stops the drawing
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
    """Takes a scene's splats for drawing. Main thread only.

    Args:
        key: the scene's folder, as in `scene.anchorstage.path`.
        packed: what `read` gave.
        region_colors: each region's r, g, b (sRGB-encoded), so that swatches and overlay agree.
    """
    store.put(key, packed, region_colors)
    guard.restart()
    redraw(None, None)


def set_scene(key: str) -> bool:
    """Says that `key` is the scene in use. False where `show` has to be called for it first."""
    known = store.touch(key)
    redraw(None, None)
    return known


def clear(key: str | None = None) -> None:
    """Frees the splats of one scene folder, or all of them."""
    store.drop(key)
    views.drop()
    redraw(None, None)


@bpy.app.handlers.persistent
def _drop_other_files(*_arguments: object) -> None:
    """GPU textures outlive a file load; what the last file drew must not."""
    store.drop()
    views.drop()


def register() -> None:
    """Adds settings, panel and the draw handler."""
    properties.register()
    panel.register()
    draw.register()
    bpy.app.handlers.load_post.append(_drop_other_files)


def unregister() -> None:
    """Takes everything away again and frees the GPU's memory."""
    if _drop_other_files in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_drop_other_files)
    draw.unregister()
    views.drop()
    store.drop()
    panel.unregister()
    properties.unregister()
