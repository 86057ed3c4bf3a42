"""Dolly, truck, pedestal and orbit of the active camera.

They are modal, with typed values and snapping, can be undone, and make a keyframe where auto-key
is on.
"""

import math
from typing import ClassVar

import bpy
from bpy.props import FloatProperty
from mathutils import Matrix, Vector

from .keys import auto_key, can_change

_UP = Vector((0.0, 0.0, 1.0))
_METRES_PER_PIXEL = 0.01  # of the mouse's way
_RADIANS_PER_PIXEL = math.radians(0.25)  # of the mouse's way: a turn of 90° in 360 pixels
_PRECISE = 0.1  # factor on the mouse's way while Shift is held, as in Blender's own transforms
_SNAP_METRES = 0.1
_SNAP_RADIANS = math.radians(5.0)  # as Blender's own rotation

# The keys that make up a typed number, by the character or, on the numeric pad, by the event.
_TYPED = "0123456789.-"
_NUMPAD_DIGITS = {f"NUMPAD_{digit}": str(digit) for digit in range(10)}
_NUMPAD = {**_NUMPAD_DIGITS, "NUMPAD_PERIOD": ".", "NUMPAD_MINUS": "-"}

_CANCEL_EVENTS = {"ESC", "RIGHTMOUSE"}
_CONFIRM_EVENTS = {"RET", "NUMPAD_ENTER", "LEFTMOUSE"}
_KEYS_HELP = "Enter: confirm, Esc: cancel, Ctrl: snap, Shift: precise"


def dollied(matrix: Matrix, metres: float, _pivot: float) -> Matrix:
    """Return a camera's matrix moved forward along its viewing direction."""
    forward = -matrix.col[2].to_3d().normalized()  # Blender's cameras look along their -Z
    return Matrix.Translation(forward * metres) @ matrix


def trucked(matrix: Matrix, metres: float, _pivot: float) -> Matrix:
    """Return a camera's matrix moved to its right."""
    right = matrix.col[0].to_3d().normalized()
    return Matrix.Translation(right * metres) @ matrix


def pedestalled(matrix: Matrix, metres: float, _pivot: float) -> Matrix:
    """Return a camera's matrix moved up, along the world's vertical."""
    return Matrix.Translation(_UP * metres) @ matrix


def orbited(matrix: Matrix, radians: float, pivot: float) -> Matrix:
    """Return a camera's matrix turned around the vertical `pivot` metres ahead of it.

    A positive angle moves the camera to the right.
    """
    backward = matrix.col[2].to_3d().normalized()
    centre = matrix.translation - backward * pivot
    turn = Matrix.Rotation(radians, 4, _UP)
    to_centre = Matrix.Translation(-centre)
    back = Matrix.Translation(centre)
    return back @ turn @ to_centre @ matrix


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
        start = camera.matrix_world.copy()
        self._apply(context, camera, start)
        auto_key(context, camera, pose=True)
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        camera = context.scene.camera
        # A name, no reference: an undo or a loaded file would make a reference invalid.
        self._camera = camera.name
        self._start = camera.matrix_world.copy()
        self._typed = ""
        self._dragged = 0.0  # before snapping
        self._last_x = event.mouse_x
        self.amount = 0.0
        context.window_manager.modal_handler_add(self)
        self._show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        camera = context.scene.objects.get(self._camera)
        if camera is None:
            return self._end(context, {"CANCELLED"})
        is_press = event.value == "PRESS"
        if is_press and event.type in _CANCEL_EVENTS:
            camera.matrix_world = self._start
            return self._end(context, {"CANCELLED"})
        if is_press and event.type in _CONFIRM_EVENTS:
            auto_key(context, camera, pose=True)
            return self._end(context, {"FINISHED"})
        if event.type == "MOUSEMOVE":
            self._drag(event)
        elif is_press:
            self._type(event)
        # Always from the start, so that rounding errors of many small steps do not add up.
        self._apply(context, camera, self._start)
        self._show(context)
        return {"RUNNING_MODAL"}

    def cancel(self, context: bpy.types.Context) -> None:
        self._end(context, {"CANCELLED"})

    def _drag(self, event: bpy.types.Event) -> None:
        """Add the mouse's way to the amount."""
        amount_per_pixel = _RADIANS_PER_PIXEL if self.angular else _METRES_PER_PIXEL
        precision = _PRECISE if event.shift else 1.0
        pixels = event.mouse_x - self._last_x
        self._dragged += pixels * amount_per_pixel * precision
        self._last_x = event.mouse_x
        # A typed number holds until it is confirmed; the mouse must not disturb it.
        if self._typed:
            return
        if event.ctrl:
            snap = _SNAP_RADIANS if self.angular else _SNAP_METRES
            self.amount = round(self._dragged / snap) * snap
        else:
            self.amount = self._dragged

    def _type(self, event: bpy.types.Event) -> None:
        """Take a key of a number, and the number as the amount."""
        typed = event.unicode if event.unicode in _TYPED else ""
        character = _NUMPAD.get(event.type, typed)
        is_second_point = character == "." and "." in self._typed
        if event.type == "BACK_SPACE":
            self._typed = self._typed[:-1]
        elif character == "-":
            self._switch_sign()
        elif character and not is_second_point:
            self._typed += character
        else:
            return
        try:
            value = float(self._typed)
        except ValueError:  # nothing yet, or only a sign or a point
            value = 0.0
        self.amount = math.radians(value) if self.angular else value

    def _switch_sign(self) -> None:
        """Take the typed number's minus away, or give it one."""
        if self._typed.startswith("-"):
            self._typed = self._typed[1:]
        else:
            self._typed = f"-{self._typed}"

    def _apply(self, context: bpy.types.Context, camera: bpy.types.Object, start: Matrix) -> None:
        """Put the camera where the move takes it from a start."""
        pivot = context.scene.anchorstage.pivot_distance
        camera.matrix_world = self.moved(start, self.amount, pivot)

    def _show(self, context: bpy.types.Context) -> None:
        """Write the amount and the keys into the area's header."""
        if context.area is None:
            return
        degrees = math.degrees(self.amount)
        value = f"{degrees:.1f}°" if self.angular else f"{self.amount:.3f} m"
        typed = f"  [{self._typed}]" if self._typed else ""
        context.area.header_text_set(f"{self.bl_label}: {value}{typed}   {_KEYS_HELP}")

    def _end(self, context: bpy.types.Context, result: set[str]) -> set[str]:
        """Give the area its header back; return the operator's result."""
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


register, unregister = bpy.utils.register_classes_factory(
    (
        ANCHORSTAGE_OT_dolly,
        ANCHORSTAGE_OT_truck,
        ANCHORSTAGE_OT_pedestal,
        ANCHORSTAGE_OT_orbit,
    )
)
