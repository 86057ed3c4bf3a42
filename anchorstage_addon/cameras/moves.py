"""Dolly, truck, pedestal and orbit: modal, with typed values, snapping, undo, and a keyframe where auto-key is on."""

import math
from typing import ClassVar

import bpy
from bpy.props import FloatProperty
from mathutils import Matrix, Vector

from .keys import ANCHORSTAGE_OT_key_camera, auto_key, can_change

_UP = Vector((0.0, 0.0, 1.0))
_METRES_PER_PIXEL = 0.01
_RADIANS_PER_PIXEL = math.radians(0.25)
_PRECISE = 0.1  # factor while Shift is held
_SNAP_METRES = 0.1
_SNAP_RADIANS = math.radians(5.0)
_TYPED = "0123456789.-"
_NUMPAD = {f"NUMPAD_{digit}": str(digit) for digit in range(10)} | {
    "NUMPAD_PERIOD": ".",
    "NUMPAD_MINUS": "-",
}


def dollied(matrix: Matrix, metres: float, _pivot: float) -> Matrix:
    """Forward along the viewing direction."""
    return Matrix.Translation(-matrix.col[2].to_3d().normalized() * metres) @ matrix


def trucked(matrix: Matrix, metres: float, _pivot: float) -> Matrix:
    """To the camera's right."""
    return Matrix.Translation(matrix.col[0].to_3d().normalized() * metres) @ matrix


def pedestalled(matrix: Matrix, metres: float, _pivot: float) -> Matrix:
    """Up, along the world's vertical."""
    return Matrix.Translation(_UP * metres) @ matrix


def orbited(matrix: Matrix, radians: float, pivot: float) -> Matrix:
    """Around the vertical through what stands `pivot` metres ahead; to the right where positive."""
    centre = matrix.translation - matrix.col[2].to_3d().normalized() * pivot
    turn = Matrix.Rotation(radians, 4, _UP)
    return Matrix.Translation(centre) @ turn @ Matrix.Translation(-centre) @ matrix


class _Move:
    """A move of the active camera by `amount`, typed, dragged or called."""

    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO", "GRAB_CURSOR", "BLOCKING"}
    angular: ClassVar[bool] = False
    moved = staticmethod(dollied)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_change(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        camera = context.scene.camera
        self._apply(context, camera, camera.matrix_world.copy())
        auto_key(context, camera, pose=True)
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._camera = context.scene.camera.name
        self._start = context.scene.camera.matrix_world.copy()
        self._typed = ""
        self._dragged = 0.0
        self._last_x = event.mouse_x
        self.amount = 0.0
        context.window_manager.modal_handler_add(self)
        self._show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        camera = context.scene.objects.get(self._camera)
        if camera is None:
            return self._end(context, {"CANCELLED"})
        if event.type in {"ESC", "RIGHTMOUSE"} and event.value == "PRESS":
            camera.matrix_world = self._start
            return self._end(context, {"CANCELLED"})
        if event.type in {"RET", "NUMPAD_ENTER", "LEFTMOUSE"} and event.value == "PRESS":
            auto_key(context, camera, pose=True)
            return self._end(context, {"FINISHED"})
        if event.type == "MOUSEMOVE":
            self._drag(event)
        elif event.value == "PRESS":
            self._type(event)
        self._apply(context, camera, self._start)
        self._show(context)
        return {"RUNNING_MODAL"}

    def cancel(self, context: bpy.types.Context) -> None:
        self._end(context, {"CANCELLED"})

    def _drag(self, event: bpy.types.Event) -> None:
        step = _RADIANS_PER_PIXEL if self.angular else _METRES_PER_PIXEL
        self._dragged += (event.mouse_x - self._last_x) * step * (_PRECISE if event.shift else 1.0)
        self._last_x = event.mouse_x
        if not self._typed:
            snap = _SNAP_RADIANS if self.angular else _SNAP_METRES
            self.amount = round(self._dragged / snap) * snap if event.ctrl else self._dragged

    def _type(self, event: bpy.types.Event) -> None:
        character = _NUMPAD.get(event.type, event.unicode if event.unicode in _TYPED else "")
        if event.type == "BACK_SPACE":
            self._typed = self._typed[:-1]
        elif character == "-":
            self._typed = self._typed[1:] if self._typed.startswith("-") else f"-{self._typed}"
        elif character and not (character == "." and "." in self._typed):
            self._typed += character
        else:
            return
        try:
            value = float(self._typed)
        except ValueError:
            value = 0.0
        self.amount = math.radians(value) if self.angular else value

    def _apply(self, context: bpy.types.Context, camera: bpy.types.Object, start: Matrix) -> None:
        camera.matrix_world = self.moved(
            start, self.amount, context.scene.anchorstage.pivot_distance
        )

    def _show(self, context: bpy.types.Context) -> None:
        value = f"{math.degrees(self.amount):.1f}°" if self.angular else f"{self.amount:.3f} m"
        typed = f"  [{self._typed}]" if self._typed else ""
        if context.area is not None:
            context.area.header_text_set(
                f"{self.bl_label}: {value}{typed}   Enter: confirm, Esc: cancel, Ctrl: snap, Shift: precise"
            )

    def _end(self, context: bpy.types.Context, result: set[str]) -> set[str]:
        if context.area is not None:
            context.area.header_text_set(None)
        return result


class ANCHORSTAGE_OT_dolly(_Move, bpy.types.Operator):
    """Move the camera forward, in metres"""

    bl_idname = "anchorstage.dolly"
    bl_label = "Dolly"
    amount: FloatProperty(name="Forward", subtype="DISTANCE", unit="LENGTH", options={"SKIP_SAVE"})
    moved = staticmethod(dollied)


class ANCHORSTAGE_OT_truck(_Move, bpy.types.Operator):
    """Move the camera to its right, in metres"""

    bl_idname = "anchorstage.truck"
    bl_label = "Truck"
    amount: FloatProperty(name="Right", subtype="DISTANCE", unit="LENGTH", options={"SKIP_SAVE"})
    moved = staticmethod(trucked)


class ANCHORSTAGE_OT_pedestal(_Move, bpy.types.Operator):
    """Move the camera up, in metres"""

    bl_idname = "anchorstage.pedestal"
    bl_label = "Pedestal"
    amount: FloatProperty(name="Up", subtype="DISTANCE", unit="LENGTH", options={"SKIP_SAVE"})
    moved = staticmethod(pedestalled)


class ANCHORSTAGE_OT_orbit(_Move, bpy.types.Operator):
    """Move the camera around what stands in the middle of the photo, in degrees"""

    bl_idname = "anchorstage.orbit"
    bl_label = "Orbit"
    amount: FloatProperty(name="Angle", subtype="ANGLE", unit="ROTATION", options={"SKIP_SAVE"})
    angular = True
    moved = staticmethod(orbited)


_CLASSES = (
    ANCHORSTAGE_OT_dolly,
    ANCHORSTAGE_OT_truck,
    ANCHORSTAGE_OT_pedestal,
    ANCHORSTAGE_OT_orbit,
    ANCHORSTAGE_OT_key_camera,
)


def register() -> None:
    """Register the operators."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Undo `register`."""
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
