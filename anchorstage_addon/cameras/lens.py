"""Film lenses as buttons and as native camera presets."""

from pathlib import Path

import bpy
from bpy.props import FloatProperty

from .keys import auto_key, can_change

# The usual set of prime lenses on a film set, from wide to long.
LENSES_MM = (24, 35, 50, 85, 135)
_PRESETS_FOLDER = str(Path(__file__).parent)  # holds presets/camera/*.py


class ANCHORSTAGE_OT_set_lens(bpy.types.Operator):
    """Give the active camera this lens; the camera does not move"""

    bl_idname = "anchorstage.set_lens"
    bl_label = "Lens"
    bl_options = {"REGISTER", "UNDO"}

    lens: FloatProperty(name="Focal Length", default=50.0, min=1.0, soft_max=300.0, unit="CAMERA")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not can_change(cls, context, lens=True):
            return False
        # Orthographic and panoramic cameras have no focal length in millimetres.
        return context.scene.camera.data.type == "PERSP"

    def execute(self, context: bpy.types.Context) -> set[str]:
        camera = context.scene.camera
        camera.data.lens = self.lens
        auto_key(context, camera, lens=True)
        return {"FINISHED"}


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (ANCHORSTAGE_OT_set_lens,)
)


def register() -> None:
    """Register the operator and the folder of native presets."""
    _register_classes()
    bpy.utils.register_preset_path(_PRESETS_FOLDER)


def unregister() -> None:
    """Undo `register`."""
    bpy.utils.unregister_preset_path(_PRESETS_FOLDER)
    _unregister_classes()
