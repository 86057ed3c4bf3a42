"""The panel Export."""

import bpy

from .. import render_engine
from . import setup


class ANCHORSTAGE_PT_export(bpy.types.Panel):
    """From the render queue to multi-pass EXRs"""

    bl_idname = "ANCHORSTAGE_PT_export"
    bl_label = "Export"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AnchorStage"
    bl_order = 50

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(context.scene.anchorstage.path)

    def draw(self, context: bpy.types.Context) -> None:
        layout, scene = self.layout, context.scene
        if scene.render.engine != render_engine.ENGINE:
            layout.operator("anchorstage.use_engine", icon="RENDER_STILL")
        layout.label(text="Splats only; comp meshes by depth", icon="INFO")
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(scene.anchorstage_export, "folder")
        column.prop(scene.anchorstage_export, "stem")
        column.prop(scene.anchorstage_export, "preset")
        ready = setup.is_set_up(scene)
        layout.operator(
            "anchorstage.setup_export",
            text="Update EXR Export" if ready else "Set Up EXR Export",
            icon="NODE_COMPOSITING",
        )
        if not ready:
            return
        layout.label(text=setup.file_range(scene), icon="FILE_IMAGE")
        row = layout.row()
        row.enabled = scene.render.engine == render_engine.ENGINE
        row.operator(
            "render.render", text="Render Animation", icon="RENDER_ANIMATION"
        ).animation = True


def register() -> None:
    """Register the panel."""
    bpy.utils.register_class(ANCHORSTAGE_PT_export)


def unregister() -> None:
    """Undo `register`."""
    bpy.utils.unregister_class(ANCHORSTAGE_PT_export)
