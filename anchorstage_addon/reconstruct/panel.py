"""The first panel: reconstruct, progress, cancel, and what happened last."""

import bpy

from .. import link
from ..ui import Sidebar, status
from .operators import active_image


class ANCHORSTAGE_PT_reconstruct(Sidebar, bpy.types.Panel):
    """One image in, a metric scene out"""

    bl_idname = "ANCHORSTAGE_PT_reconstruct"
    bl_label = "AnchorStage"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        column = layout.column()
        column.scale_y = 1.4
        column.operator(
            "anchorstage.reconstruct", text="Reconstruct from Image…", icon="IMAGE_DATA"
        )
        image = active_image(context)
        if image is not None:
            text = f"From “{image.name}”"
            layout.operator("anchorstage.reconstruct_image", text=text, icon="IMAGE")
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
    is_ending = task.cancelled.is_set()
    text = "Cancelling…" if is_ending else f"{task.stage}  {task.fraction:.0%}"
    row.progress(factor=task.fraction, text=text)
    row.operator("anchorstage.cancel", text="", icon="CANCEL").number = task.number


register, unregister = bpy.utils.register_classes_factory((ANCHORSTAGE_PT_reconstruct,))
