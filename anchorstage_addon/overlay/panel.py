"""The panel “Overlay” in the sidebar."""

import bpy

from ..ui import Sidebar
from . import guard, store
from .confidence import GUESSED, TRUSTED

# Blender's collection colours serve as the legend's swatches; every version has them.
_LEGEND = (
    ("COLLECTION_COLOR_04", f"Above {TRUSTED}: trusted"),
    ("COLLECTION_COLOR_03", f"{GUESSED} to {TRUSTED}: check it"),
    ("COLLECTION_COLOR_01", f"Below {GUESSED}: guessed"),
)


class ANCHORSTAGE_PT_overlay(Sidebar, bpy.types.Panel):
    """Shows the overlay's settings and the legend of its colours."""

    bl_label = "Overlay"
    bl_order = 30

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.prop(context.scene.anchorstage_overlay, "enabled", text="")

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.anchorstage_overlay
        layout = self.layout
        layout.active = settings.enabled
        row = layout.row()
        row.prop(settings, "mode", expand=True)
        if settings.mode == "CONFIDENCE":
            legend = layout.column(align=True)
            for icon, text in _LEGEND:
                legend.label(text=text, icon=icon)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "opacity")
        column.prop(settings, "size")
        column.prop(settings, "moving_splats")
        loaded = store.current(context.scene)
        if guard.stopped():
            layout.label(text="The overlay stopped; see the console", icon="ERROR")
        elif loaded is not None:
            layout.label(text=f"{loaded.count:,} splats")


register, unregister = bpy.utils.register_classes_factory((ANCHORSTAGE_PT_overlay,))
