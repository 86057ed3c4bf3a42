"""The panel “Camera” in the sidebar."""

import bpy

from ..ui import Sidebar, status
from . import keys
from .lens import LENSES_MM
from .place import is_photo_camera

# The operators of the moves and their icons, two a row.
_MOVES = (
    ("dolly", "VIEW_PERSPECTIVE"),
    ("truck", "ARROW_LEFTRIGHT"),
    ("pedestal", "EMPTY_SINGLE_ARROW"),
    ("orbit", "ORIENTATION_GIMBAL"),
)


class ANCHORSTAGE_PT_camera(Sidebar, bpy.types.Panel):
    """Native cameras with film lenses and real metres"""

    bl_idname = "ANCHORSTAGE_PT_camera"
    bl_label = "Camera"
    bl_order = 25

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        camera = context.scene.camera
        layout.prop(context.scene, "camera", text="")
        if camera is None or camera.type != "CAMERA":
            sentence = keys.problem(context.scene)
            status.wrapped(layout, sentence, icon="INFO")
            return
        # A move of the photo's own camera loses its place, though "To the Photo" brings it back.
        if is_photo_camera(camera):
            layout.label(text="This is the photo's own camera", icon="INFO")
        row = layout.row(align=True)
        row.operator("anchorstage.add_camera", text="Shot Camera", icon="ADD")
        row.operator("anchorstage.reset_camera", text="To the Photo", icon="LOOP_BACK")
        row = layout.row(align=True)
        for lens in LENSES_MM:
            button = row.operator("anchorstage.set_lens", text=str(lens))
            button.lens = lens
        layout.prop(camera.data, "lens", text="Lens")
        grid = layout.grid_flow(columns=2, align=True)
        for name, icon in _MOVES:
            grid.operator(f"anchorstage.{name}", icon=icon)
        layout.prop(context.scene.anchorstage, "pivot_distance")
        layout.operator("anchorstage.key_camera", icon="KEY_HLT")


register, unregister = bpy.utils.register_classes_factory((ANCHORSTAGE_PT_camera,))
