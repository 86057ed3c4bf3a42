"""The regions of the scene, with their colours, sizes and locks."""

import bpy

from .ui import Sidebar

_MOST_ROWS = 8  # of the list; more are scrolled


class ANCHORSTAGE_UL_regions(bpy.types.UIList):
    """One region a row"""

    bl_idname = "ANCHORSTAGE_UL_regions"

    def draw_item(
        self,
        _context,
        layout,
        _data,
        item,
        _icon,
        _active_data,
        _active_property,
        _index=0,
        _flag=0,
    ):
        row = layout.row(align=True)
        swatch = row.row()
        swatch.ui_units_x = 1.0
        swatch.prop(item, "color", text="")
        row.label(text=item.name)
        row.label(text=f"{item.coverage:.0%}")
        icon = "LOCKED" if item.locked else "UNLOCKED"
        row.prop(item, "locked", text="", icon=icon, emboss=False)


class ANCHORSTAGE_PT_regions(Sidebar, bpy.types.Panel):
    """The parts the scene is cut into"""

    bl_idname = "ANCHORSTAGE_PT_regions"
    bl_label = "Regions"
    bl_order = 20

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(context.scene.anchorstage.path)

    def draw(self, context: bpy.types.Context) -> None:
        state = context.scene.anchorstage
        rows = max(2, min(len(state.regions), _MOST_ROWS))
        self.layout.template_list(
            "ANCHORSTAGE_UL_regions", "", state, "regions", state, "active_region", rows=rows
        )


register, unregister = bpy.utils.register_classes_factory(
    (ANCHORSTAGE_UL_regions, ANCHORSTAGE_PT_regions)
)
