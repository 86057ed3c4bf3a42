"""A Blender scene's memory of its AnchorStage scene: a path, and what panels and renderer show."""

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

from . import locks, session
from .ui import MAY_BE_RELATIVE, absolute, add_handlers, remove_handlers


class AnchorStageRegion(bpy.types.PropertyGroup):
    """A region; `name` is its id."""

    label: StringProperty(name="Label")
    locked: BoolProperty(
        name="Locked",
        description="Repairs leave a locked region bit-equal",
        update=locks.lock_changed,
    )
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
        options=MAY_BE_RELATIVE,
    )
    title: StringProperty(name="Name")
    photo: StringProperty(name="Photo", subtype="FILE_PATH", options=MAY_BE_RELATIVE)
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


def folder(scene: bpy.types.Scene) -> Path | None:
    """Return the absolute folder of the scene's splats; None where it has none."""
    state = getattr(scene, "anchorstage", None)
    if state is None or not state.path:
        return None
    return absolute(state.path, scene.original.library)


def missing_sentence(scene: bpy.types.Scene) -> str:
    """Return a sentence for the artist where the folder is not usable; empty where it is."""
    where = folder(scene)
    if where is None:
        return "There is no AnchorStage scene yet: reconstruct a photo first."
    if not (where / "scene.json").is_file():
        return f"The scene folder “{where.name}” is missing: relink it in the AnchorStage panel."
    return ""


def stored_path(path: Path) -> str:
    """Return the path as the .blend keeps it: relative, where that is saved on the same drive."""
    if not bpy.data.filepath:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        return str(path)


def remember(scene: bpy.types.Scene, summary: dict[str, Any]) -> None:
    """Take over what the engine says of a scene; the artist's locks of its regions stay."""
    state = scene.anchorstage
    locked = locks.locked_regions(scene)
    state.path = stored_path(Path(summary["scene"]))
    state.title = summary["name"]
    state.photo = stored_path(Path(summary["photo"])) if summary["photo"] else ""
    state.splats = summary["splats"]
    state.confidence = summary["confidence"]
    state.depth_source = summary["depth_source"]
    state.warnings = "\n".join(summary["warnings"])
    state.pivot_distance = summary["pivot_distance"]
    state.regions.clear()
    with locks.told_by_the_engine(state.path, summary["regions"]):
        for record in summary["regions"]:
            region = state.regions.add()
            region.name = record["id"]
            region.label = record["label"]
            region.color = record["color"]
            region.locked = record["locked"] or record["id"] in locked
            region.coverage = record["coverage"]
    locks.sync(scene)


class BeforeSave:
    """The places that paths led to before a save began, by the scene's name and the property's."""

    def __init__(self) -> None:
        self.paths: dict[tuple[str, str], Path] = {}


@bpy.app.handlers.persistent
def _keep_relative(new_file: Any = "", *_: Any) -> None:
    """Before a save to another folder, let the kept paths lead from there to the same scene."""
    target = new_file if isinstance(new_file, str) and new_file else bpy.data.filepath
    before = session.of(BeforeSave).paths
    before.clear()
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
            before[scene.name, name] = absolute(kept)
            try:
                relative = bpy.path.relpath(str(absolute(kept)), start=os.path.dirname(target))
            except ValueError:
                continue  # another drive: the absolute path stays
            if relative != kept:
                setattr(state, name, relative)


@bpy.app.handlers.persistent
def _stay_here(*_: Any) -> None:
    """After a save that was a copy, or failed, let the paths lead from the old place again."""
    before = session.of(BeforeSave).paths
    for (scene_name, name), path in before.items():
        state = bpy.data.scenes[scene_name, None].anchorstage
        if absolute(getattr(state, name)) != path:
            setattr(state, name, stored_path(path))
    before.clear()


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (AnchorStageRegion, AnchorStageScene)
)
_HANDLERS = (
    ("save_pre", _keep_relative),
    ("save_post", _stay_here),
    ("save_post_fail", _stay_here),
)


def register() -> None:
    """Register the records and the save handlers."""
    _register_classes()
    bpy.types.Scene.anchorstage = bpy.props.PointerProperty(type=AnchorStageScene)
    add_handlers(_HANDLERS)


def unregister() -> None:
    """Undo `register`."""
    remove_handlers(_HANDLERS)
    del bpy.types.Scene.anchorstage
    _unregister_classes()
