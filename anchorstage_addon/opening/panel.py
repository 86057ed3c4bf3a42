"""The panel of the scene behind the splats."""

import bpy

from .. import cameras, scene_state
from ..ui import Sidebar, status

_SAME_SCALE = 1e-6  # how far a unit scale may be from 1
_UNITS = (
    "The unit scale is not 1, so lengths show wrong: "
    "set Scene Properties > Units > Unit Scale to 1 for metres."
)


class ANCHORSTAGE_PT_scene(Sidebar, bpy.types.Panel):
    """The scene behind the splats"""

    bl_idname = "ANCHORSTAGE_PT_scene"
    bl_label = "Scene"
    bl_order = 10

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        state = context.scene.anchorstage
        layout.operator("anchorstage.open_scene", icon="FILE_FOLDER")
        if not state.path:
            return
        problem = scene_state.missing_sentence(context.scene)
        if problem:
            status.wrapped(layout, problem, icon="ERROR")
            layout.operator("anchorstage.relink", icon="FILE_REFRESH")
            return
        column = layout.column(align=True)
        column.label(text=state.title, icon="SCENE_DATA")
        column.label(text=f"{state.splats:,} splats, confidence {state.confidence:.2f}")
        if abs(context.scene.unit_settings.scale_length - 1) > _SAME_SCALE:
            status.wrapped(layout, _UNITS, icon="ERROR")
        status.wrapped(layout, f"Depth: {state.depth_source}")
        for sentence in filter(None, state.warnings.split("\n")):
            status.wrapped(layout, sentence, icon="INFO")
        if not cameras.has_photo_camera(context.scene):
            layout.operator("anchorstage.restore_photo_camera", icon="OUTLINER_OB_CAMERA")


register, unregister = bpy.utils.register_classes_factory((ANCHORSTAGE_PT_scene,))
