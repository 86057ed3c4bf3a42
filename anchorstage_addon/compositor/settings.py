"""The settings of an export, kept in the .blend, so that a render farm needs nothing else."""

from typing import NamedTuple

import bpy
from bpy.props import EnumProperty, StringProperty

from ..ui import MAY_BE_RELATIVE

DIGITS = "####"


class Preset(NamedTuple):
    """The form of the files that Blender writes, before they are finished."""

    title: str
    description: str
    color_depth: str  # bits a channel, as Blender's format names them
    codec: str  # Blender's name of the compression


# By the name that the .blend keeps.
PRESETS = {
    "NUKE": Preset(
        title="Nuke",
        description=(
            "One multi-layer EXR a frame, 32-bit float, ZIP; depth.Z, normal.XYZ, region_ID.A"
        ),
        color_depth="32",
        # Finishing writes the file anew, with ZIP; compressing twice would take twice as long.
        codec="NONE",
    ),
}


class AnchorStageExport(bpy.types.PropertyGroup):
    """Export settings of a scene."""

    folder: StringProperty(
        name="Folder",
        description="Where the EXR sequence is written",
        subtype="DIR_PATH",
        default="//anchorstage_out",
        options=MAY_BE_RELATIVE,
    )
    stem: StringProperty(
        name="Name", description="Files are called NAME.0001.exr, NAME.0002.exr, …", default="shot"
    )
    preset: EnumProperty(
        name="Preset",
        description="How channels are named and stored",
        items=tuple((name, one.title, one.description) for name, one in PRESETS.items()),
        default="NUKE",
    )


def preset(scene: bpy.types.Scene) -> Preset:
    """Return the preset that the scene's export uses."""
    return PRESETS[scene.anchorstage_export.preset]


def file_name(scene: bpy.types.Scene) -> str:
    """Return the files' name with digits for the frame, without what a file system forbids."""
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
