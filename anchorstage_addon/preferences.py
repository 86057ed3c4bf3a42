"""Preferences of the extension."""

import bpy
from bpy.props import BoolProperty, IntProperty

from . import link

MOST_SPLATS = 20_000_000  # of a scene; the engine's own limit


def _restart(_self: bpy.types.AddonPreferences, _context: bpy.types.Context) -> None:
    link.configure()


class AnchorStagePreferences(bpy.types.AddonPreferences):
    """The place where the engine runs, and the size of scenes."""

    bl_idname = __package__.rpartition(".")[0]

    engine_in_thread: BoolProperty(
        name="Run the engine inside Blender",
        description=(
            "For machines that forbid child processes: slower, "
            "and Cancel waits for the end of a stage"
        ),
        default=False,
        update=_restart,
    )
    max_splats: IntProperty(
        name="Splats",
        description="At most so many splats in a new scene",
        default=1_000_000,
        min=1000,
        max=MOST_SPLATS,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.prop(self, "max_splats")
        column.prop(self, "engine_in_thread")


def get() -> AnchorStagePreferences | None:
    """Return the preferences; None where a script registered the add-on by hand."""
    addon = bpy.context.preferences.addons.get(AnchorStagePreferences.bl_idname)
    return addon.preferences if addon is not None else None


register, unregister = bpy.utils.register_classes_factory((AnchorStagePreferences,))
