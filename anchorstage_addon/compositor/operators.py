"""Operators: choose our engine, set up the EXR export."""

import bpy

from .. import render_engine
from . import setup


class ANCHORSTAGE_OT_use_engine(bpy.types.Operator):
    """Render this scene with AnchorStage"""

    bl_idname = "anchorstage.use_engine"
    bl_label = "Use AnchorStage Engine"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.render.engine = render_engine.ENGINE
        return {"FINISHED"}


class ANCHORSTAGE_OT_setup_export(bpy.types.Operator):
    """Set up the export."""

    bl_description = (
        "Add compositor nodes that write every pass to one multi-layer EXR a frame, "
        "beside the nodes that are there"
    )

    bl_idname = "anchorstage.setup_export"
    bl_label = "Set Up EXR Export"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene is None or not context.scene.anchorstage.path:
            cls.poll_message_set("Reconstruct a photo first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not bpy.data.filepath and context.scene.anchorstage_export.folder.startswith("//"):
            self.report(
                {"WARNING"},
                "The .blend is not saved, so the folder is relative to nowhere: "
                "save it before rendering",
            )
        layers = setup.ensure_export(context.scene, context.view_layer)
        file = setup.first_file(context.scene)
        self.report({"INFO"}, f"Compositor nodes write {layers} layers to {file}")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (ANCHORSTAGE_OT_use_engine, ANCHORSTAGE_OT_setup_export)
)
