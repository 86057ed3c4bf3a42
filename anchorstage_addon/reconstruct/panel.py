"""The first panel: reconstruct, progress, cancel, and what happened last."""

import bpy

from .. import link, status
from .operators import active_image


class ANCHORSTAGE_PT_reconstruct(bpy.types.Panel):
    """One image in, a metric scene out"""

    bl_idname = "ANCHORSTAGE_PT_reconstruct"
    bl_label = "AnchorStage"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AnchorStage"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        column = layout.column()
        column.scale_y = 1.4
        column.operator(
            "anchorstage.reconstruct", text="Reconstruct from Image…", icon="IMAGE_DATA"
        )
        if active_image(context) is not None:
            layout.operator(
                "anchorstage.reconstruct_image",
                text=f"From “{active_image(context).name}”",
                icon="IMAGE",
            )
        for task in link.tasks():
            _draw_task(layout, task)
        message = status.last()
        if message is not None:
            box = layout.box()
            row = box.row()
            status.wrapped(row, message.text, icon="ERROR" if message.is_error else "INFO")
            row.operator("anchorstage.dismiss", text="", icon="X", emboss=False)


def _draw_task(layout: bpy.types.UILayout, task: link.Task) -> None:
    row = layout.row(align=True)
    text = "Cancelling…" if task.cancelled.is_set() else f"{task.stage}  {task.fraction:.0%}"
    row.progress(factor=task.fraction, text=text)
    row.operator("anchorstage.cancel", text="", icon="CANCEL").number = task.number


def register() -> None:
    """Register the panel."""
    bpy.utils.register_class(ANCHORSTAGE_PT_reconstruct)


def unregister() -> None:
    """Undo `register`."""
    bpy.utils.unregister_class(ANCHORSTAGE_PT_reconstruct)
