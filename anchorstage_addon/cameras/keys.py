"""Keyframes of a camera: where auto-key is on, and where the artist asks."""

import bpy


def key(camera: bpy.types.Object, frame: float, pose: bool = True, lens: bool = True) -> None:
    """Keyframe the pose and the lens at a frame."""
    if pose:
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert(_rotation_path(camera), frame=frame)
    if lens:
        camera.data.keyframe_insert("lens", frame=frame)


def auto_key(
    context: bpy.types.Context, camera: bpy.types.Object, pose: bool = False, lens: bool = False
) -> None:
    """Keyframe at the current frame where auto-key is on."""
    if context.scene.tool_settings.use_keyframe_insert_auto:
        key(camera, context.scene.frame_current, pose, lens)


def problem(scene: bpy.types.Scene, lens: bool = False) -> str:
    """Why the scene's camera cannot be moved, or with `lens` its lens not be set; empty where it can."""
    camera = scene.camera
    if camera is None:
        return "The scene has no camera"
    if camera.type != "CAMERA":
        return f"“{camera.name}” is the scene's camera but no camera object"
    if not camera.is_editable or (lens and not camera.data.is_editable):
        return f"“{camera.name}” is linked from another file: add a shot camera, or make a library override"
    return ""


def can_change(
    operator: type[bpy.types.Operator], context: bpy.types.Context, lens: bool = False
) -> bool:
    """For an operator's `poll`: whether the scene's camera can be changed; the button's tooltip says why not."""
    said = problem(context.scene, lens)
    if said:
        operator.poll_message_set(said)
    return not said


def _rotation_path(camera: bpy.types.Object) -> str:
    return {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(
        camera.rotation_mode, "rotation_euler"
    )


class ANCHORSTAGE_OT_key_camera(bpy.types.Operator):
    """Keyframe the active camera's place, rotation and lens at the current frame"""

    bl_idname = "anchorstage.key_camera"
    bl_label = "Keyframe Camera"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_change(cls, context, lens=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        key(context.scene.camera, context.scene.frame_current)
        return {"FINISHED"}
