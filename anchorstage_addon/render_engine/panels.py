"""Blender's own panels that make sense with our engine: size, frames, output, cameras, layers."""

from collections.abc import Iterator

import bpy

from .engine import ENGINE

# They show with engines of Blender's own kind; these set what our engine has no use for.
_NOT_OURS = (
    "DATA_PT_camera_dof",
    "DATA_PT_light",
    "DATA_PT_preview",
    "MATERIAL_PT_",
    "RENDER_PT_freestyle",
    "RENDER_PT_gpencil",
    "RENDER_PT_grease_pencil",
    "RENDER_PT_simplify",
    "VIEWLAYER_PT_filter",
    "VIEWLAYER_PT_freestyle",
    "VIEWLAYER_PT_layer_passes",
    "WORLD_PT_",
)


def _panels() -> Iterator[type[bpy.types.Panel]]:
    for panel in bpy.types.Panel.__subclasses__():
        engines = getattr(panel, "COMPAT_ENGINES", ())
        if "BLENDER_RENDER" in engines and not panel.__name__.startswith(_NOT_OURS):
            yield panel


def register() -> None:
    """Show them."""
    for panel in _panels():
        panel.COMPAT_ENGINES.add(ENGINE)


def unregister() -> None:
    """Undo `register`."""
    for panel in bpy.types.Panel.__subclasses__():
        getattr(panel, "COMPAT_ENGINES", set()).discard(ENGINE)
