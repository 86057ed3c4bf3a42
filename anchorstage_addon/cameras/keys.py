"""Keyframes of a camera: made where auto-key is on, and where the artist asks."""

import bpy

# Blender keeps a rotation in one of these properties; every other mode is one of Euler angles.
_ROTATION_PATHS = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}


def key(camera: bpy.types.Object, frame: float, pose: bool = True, lens: bool = True) -> None:
    """Keyframe the pose and the lens at a frame."""
    if pose:
        rotation_path = _ROTATION_PATHS.get(camera.rotation_mode, "rotation_euler")
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert(rotation_path, frame=frame)
    if lens:
        camera.data.keyframe_insert("lens", frame=frame)


def auto_key(
    context: bpy.types.Context, camera: bpy.types.Object, pose: bool = False, lens: bool = False
) -> None:
    """Keyframe at the current frame where auto-key is on."""
    scene = context.scene
    if scene.tool_settings.use_keyframe_insert_auto:
        key(camera, scene.frame_current, pose, lens)


def problem(scene: bpy.types.Scene, lens: bool = False) -> str:
    """Return the reason why the scene's camera cannot be changed; empty where it can.

    Args:
        scene: the Blender scene.
        lens: True where the lens, too, is to change.
    """
    camera = scene.camera
    if camera is None:
        return "The scene has no camera"
    if camera.type != "CAMERA":
        return f"“{camera.name}” is the scene's camera but no camera object"
    # Blender would let us change data linked from another file, and lose the change on saving.
    is_editable = camera.is_editable and (not lens or camera.data.is_editable)
    if not is_editable:
        return (
            f"“{camera.name}” is linked from another file: "
            "add a shot camera, or make a library override"
        )
    return ""


def can_change(
    operator: type[bpy.types.Operator], context: bpy.types.Context, lens: bool = False
) -> bool:
    """Return True where an operator's `poll` may let it change the scene's camera.

    Where it may not, the button's tooltip gives the reason.
    """
    reason = problem(context.scene, lens)
    if reason:
        operator.poll_message_set(reason)
    return not reason


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


register, unregister = bpy.utils.register_classes_factory((ANCHORSTAGE_OT_key_camera,))
