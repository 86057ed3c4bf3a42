"""What a Blender scene remembers of its AnchorStage scene: a path, and what the panels and the renderer need at hand."""

import os
from pathlib import Path
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    StringProperty,
)

# From 4.5 on a path property must say that it may begin with // ; before, every path property may.
_MAY_BE_RELATIVE = (
    {"options": {"PATH_SUPPORTS_BLEND_RELATIVE"}} if bpy.app.version >= (4, 5) else {}
)


class AnchorStageRegion(bpy.types.PropertyGroup):
    """A region; `name` is its id."""

    label: StringProperty(name="Label")
    locked: BoolProperty(name="Locked", description="Repairs leave a locked region bit-equal")
    color: FloatVectorProperty(name="Colour", subtype="COLOR_GAMMA", size=3, min=0, max=1)
    coverage: FloatProperty(
        name="Coverage", description="Part of the photo that the region covers", subtype="FACTOR"
    )


class AnchorStageScene(bpy.types.PropertyGroup):
    """The AnchorStage scene of a Blender scene."""

    path: StringProperty(
        name="Scene folder",
        description="The NAME.anchorstage folder that holds the splats",
        subtype="DIR_PATH",
        **_MAY_BE_RELATIVE,
    )
    title: StringProperty(name="Name")
    photo: StringProperty(name="Photo", subtype="FILE_PATH", **_MAY_BE_RELATIVE)
    splats: IntProperty(name="Splats")
    confidence: FloatProperty(name="Confidence", subtype="FACTOR", min=0, max=1)
    depth_source: StringProperty(name="Depth")
    warnings: StringProperty(name="Notes")
    pivot_distance: FloatProperty(
        name="Orbit Distance",
        description="How far ahead the point lies that Orbit turns around",
        min=0.01,
        subtype="DISTANCE",
        unit="LENGTH",
        default=5.0,
    )
    regions: CollectionProperty(type=AnchorStageRegion)
    active_region: IntProperty(name="Region", description="The region that is chosen in the list")


def absolute(path: str, library: bpy.types.Library | None = None) -> Path:
    """The path from the root: the engine has a working folder of its own.

    Args:
        path: as Blender keeps it; `//` is the folder of the .blend, or of the library that its owner is linked from.
        library: that library.
    """
    return Path(os.path.abspath(bpy.path.abspath(path, library=library)))


def folder(scene: bpy.types.Scene) -> Path | None:
    """The absolute folder of the scene's splats, or None where it has none."""
    state = getattr(scene, "anchorstage", None)
    if state is None or not state.path:
        return None
    return absolute(state.path, scene.original.library)


def missing_sentence(scene: bpy.types.Scene) -> str:
    """What to tell the artist where the folder is not usable; empty where it is."""
    where = folder(scene)
    if where is None:
        return "There is no AnchorStage scene yet: reconstruct a photo first."
    if not (where / "scene.json").is_file():
        return f"The scene folder “{where.name}” is missing: relink it in the AnchorStage panel."
    return ""


def stored_path(path: Path) -> str:
    """The path as the .blend keeps it: relative where the .blend is saved and on the same drive."""
    if not bpy.data.filepath:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        return str(path)


def remember(scene: bpy.types.Scene, summary: dict[str, Any]) -> None:
    """Take over what the engine says of a scene; locks the artist set on regions of the same id stay."""
    state = scene.anchorstage
    locked = {region.name for region in state.regions if region.locked}
    state.path = stored_path(Path(summary["scene"]))
    state.title = summary["name"]
    state.photo = stored_path(Path(summary["photo"])) if summary["photo"] else ""
    state.splats = summary["splats"]
    state.confidence = summary["confidence"]
    state.depth_source = summary["depth_source"]
    state.warnings = "\n".join(summary["warnings"])
    state.pivot_distance = summary["pivot_distance"]
    state.regions.clear()
    for record in summary["regions"]:
        region = state.regions.add()
        region.name, region.label, region.color = record["id"], record["label"], record["color"]
        region.locked = record["locked"] or record["id"] in locked
        region.coverage = record["coverage"]


_before_save: dict[
    tuple[str, str], Path
] = {}  # by scene and property: where the paths led before a save began


@bpy.app.handlers.persistent
def _keep_relative(new_file: Any = "", *_: Any) -> None:
    """Before a save to another folder: let the kept paths lead from the new place to the same scene."""
    target = new_file if isinstance(new_file, str) and new_file else bpy.data.filepath
    _before_save.clear()
    if not target:
        return
    for scene in bpy.data.scenes:
        if scene.library is not None:
            continue
        state = scene.anchorstage
        for name in ("path", "photo"):
            kept = getattr(state, name)
            if not kept:
                continue
            _before_save[scene.name, name] = absolute(kept)
            try:
                relative = bpy.path.relpath(str(absolute(kept)), start=os.path.dirname(target))
            except ValueError:
                continue  # another drive: the absolute path stays
            if relative != kept:
                setattr(state, name, relative)


@bpy.app.handlers.persistent
def _stay_here(*_: Any) -> None:
    """After a save: where it was a copy, or failed, this session's .blend is still the old one and so are its paths."""
    for (scene_name, name), path in _before_save.items():
        state = bpy.data.scenes[scene_name, None].anchorstage
        if absolute(getattr(state, name)) != path:
            setattr(state, name, stored_path(path))
    _before_save.clear()


_CLASSES = (AnchorStageRegion, AnchorStageScene)
_HANDLERS = (
    ("save_pre", _keep_relative),
    ("save_post", _stay_here),
    ("save_post_fail", _stay_here),
)


def register() -> None:
    """Register the records and the save handlers."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.anchorstage = bpy.props.PointerProperty(type=AnchorStageScene)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Undo `register`."""
    for name, handler in _HANDLERS:
        if handler in getattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).remove(handler)
    del bpy.types.Scene.anchorstage
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
