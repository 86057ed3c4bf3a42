"""The regions of the scene, with their colours, sizes and locks."""

import bpy


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
        row.prop(
            item, "locked", text="", icon="LOCKED" if item.locked else "UNLOCKED", emboss=False
        )


class ANCHORSTAGE_PT_regions(bpy.types.Panel):
    """The parts the scene is cut into"""

    bl_idname = "ANCHORSTAGE_PT_regions"
    bl_label = "Regions"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AnchorStage"
    bl_order = 20

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(context.scene.anchorstage.path)

    def draw(self, context: bpy.types.Context) -> None:
        state = context.scene.anchorstage
        rows = max(2, min(len(state.regions), 8))
        self.layout.template_list(
            "ANCHORSTAGE_UL_regions", "", state, "regions", state, "active_region", rows=rows
        )


def register() -> None:
    """Register the list and the panel."""
    bpy.utils.register_class(ANCHORSTAGE_UL_regions)
    bpy.utils.register_class(ANCHORSTAGE_PT_regions)


def unregister() -> None:
    """Undo `register`."""
    bpy.utils.unregister_class(ANCHORSTAGE_PT_regions)
    bpy.utils.unregister_class(ANCHORSTAGE_UL_regions)
