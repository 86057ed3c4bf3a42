"""The panel Export."""

import bpy

from .. import render_engine
from ..ui import Sidebar
from . import setup


class ANCHORSTAGE_PT_export(Sidebar, bpy.types.Panel):
    """From the render queue to multi-pass EXRs"""

    bl_idname = "ANCHORSTAGE_PT_export"
    bl_label = "Export"
    bl_order = 50

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(context.scene.anchorstage.path)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        scene = context.scene
        is_ours = scene.render.engine == render_engine.ENGINE
        if not is_ours:
            layout.operator("anchorstage.use_engine", icon="RENDER_STILL")
        layout.label(text="Splats only; comp meshes by depth", icon="INFO")
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(scene.anchorstage_export, "folder")
        column.prop(scene.anchorstage_export, "stem")
        column.prop(scene.anchorstage_export, "preset")
        ready = setup.is_set_up(scene)
        text = "Update EXR Export" if ready else "Set Up EXR Export"
        layout.operator("anchorstage.setup_export", text=text, icon="NODE_COMPOSITING")
        if not ready:
            return
        layout.label(text=setup.file_range(scene), icon="FILE_IMAGE")
        row = layout.row()
        row.enabled = is_ours
        button = row.operator("render.render", text="Render Animation", icon="RENDER_ANIMATION")
        button.animation = True


register, unregister = bpy.utils.register_classes_factory((ANCHORSTAGE_PT_export,))
