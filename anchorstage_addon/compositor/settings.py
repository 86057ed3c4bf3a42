"""Where the EXRs go; kept in the .blend, so that a render farm needs nothing else."""

import bpy
from bpy.props import EnumProperty, StringProperty

DIGITS = "####"

# Blender from 4.5 on wants to be told that a path may start with `//`.
_RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()


class AnchorStageExport(bpy.types.PropertyGroup):
    """Export settings of a scene."""

    folder: StringProperty(
        name="Folder",
        description="Where the EXR sequence is written",
        subtype="DIR_PATH",
        default="//anchorstage_out",
        options=_RELATIVE,
    )
    stem: StringProperty(
        name="Name", description="Files are called NAME.0001.exr, NAME.0002.exr, …", default="shot"
    )
    preset: EnumProperty(
        name="Preset",
        description="How channels are named and stored",
        items=(
            (
                "NUKE",
                "Nuke",
                "One multi-layer EXR a frame, 32-bit float, ZIP; depth.Z, normal.XYZ, region_ID.A",
            ),
        ),
        default="NUKE",
    )


def file_name(scene: bpy.types.Scene) -> str:
    """The files' name with digits for the frame, without what a file system forbids."""
    stem = bpy.path.clean_name(scene.anchorstage_export.stem.strip()) or "shot"
    return f"{stem}.{DIGITS}"


def register() -> None:
    """Register the settings."""
    bpy.utils.register_class(AnchorStageExport)
    bpy.types.Scene.anchorstage_export = bpy.props.PointerProperty(type=AnchorStageExport)


def unregister() -> None:
    """Undo `register`."""
    del bpy.types.Scene.anchorstage_export
    bpy.utils.unregister_class(AnchorStageExport)
