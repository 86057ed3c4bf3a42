"""What an artist does, as functions run inside Blender: `scenarios.py NAME PHOTO FOLDER OUTPUT.json`."""

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import bpy

MODULE = "bl_ext.user_default.anchorstage"
NAME, PHOTO, FOLDER, OUTPUT = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
FEW = 20_000  # splats, so that a scene takes a second


def part(name):
    """A module of the installed extension."""
    return sys.modules[f"{MODULE}.anchorstage_addon.{name}"]


class Layout:
    """Stands for Blender's layout: takes every call, refuses operators and properties that do not exist."""

    def __init__(self, said):
        self.said = said

    def operator(self, idname, text="", **_):
        group, name = idname.split(".")
        getattr(bpy.ops, group).__getattribute__(name).get_rna_type()
        self.said.append(text or idname)
        return SimpleNamespace()

    def prop(self, data, name, text=None, **_):
        assert name in data.bl_rna.properties, f"{data} has no {name}"
        self.said.append(text or name)

    def label(self, text="", **_):
        self.said.append(text)

    def progress(self, factor=0.0, text="", **_):
        self.said.append(text)

    def __getattr__(self, name):
        def container(*_, **__):
            return Layout(self.said)

        return container


def draw_panels():
    """Each panel's words, by class name; a panel that cannot be drawn raises."""
    said = {}
    for cls in bpy.types.Panel.__subclasses__():
        if cls.__name__.startswith("ANCHORSTAGE_PT") and (
            not hasattr(cls, "poll") or cls.poll(bpy.context)
        ):
            said[cls.__name__] = []
            cls.draw(SimpleNamespace(layout=Layout(said[cls.__name__])), bpy.context)
    return said


def reconstruct(name="one", **options):
    folder = FOLDER / f"{name}.anchorstage"
    result = bpy.ops.anchorstage.reconstruct(
        filepath=str(PHOTO), output=str(folder), max_splats=FEW, **options
    )
    assert result == {"FINISHED"}, result
    return folder


def refused(call):
    """The sentence with which an operator refused."""
    try:
        call()
    except RuntimeError as error:
        return str(error).strip()
    raise AssertionError("it was not refused")


def operators():
    return [name for name in dir(bpy.ops.anchorstage) if not name.startswith("_")]


def registration():
    before = {"panels": draw_panels(), "operators": operators()}
    polls = {}
    for name in before["operators"]:
        polls[name] = getattr(bpy.ops.anchorstage, name).poll()
    presets = [p for p in bpy.utils.preset_paths("camera") if list(Path(p).glob("AnchorStage*.py"))]
    handlers = {
        n: [h.__module__ for h in getattr(bpy.app.handlers, n)]
        for n in ("load_post", "save_pre", "undo_post", "render_write")
    }
    ours = {n: [m for m in mods if "anchorstage" in m] for n, mods in handlers.items()}
    reconstruct()
    with_scene = draw_panels()
    for _ in range(2):
        bpy.ops.preferences.addon_disable(module=MODULE)
        left = [
            m
            for n in handlers
            for m in (h.__module__ for h in getattr(bpy.app.handlers, n))
            if "anchorstage" in m
        ]
        gone = not hasattr(bpy.types.Scene, "anchorstage")
        threads = [t.name for t in threading.enumerate() if "AnchorStage" in t.name]
        bpy.ops.preferences.addon_enable(module=MODULE)
    return {
        "panels": before["panels"],
        "with_scene": with_scene,
        "polls": polls,
        "presets": len(presets),
        "handlers": ours,
        "left": left,
        "gone": gone,
        "threads": threads,
        "panels_again": draw_panels(),
    }


def reconstruction():
    folder = reconstruct()
    scene = bpy.context.scene
    camera, state = scene.camera, scene.anchorstage
    record = json.loads((folder / "scene.json").read_text(encoding="utf-8"))["cameras"][0]
    depsgraph = bpy.context.evaluated_depsgraph_get()
    size = scene.render.resolution_x, scene.render.resolution_y
    view = part("convert").view_of_camera(camera, depsgraph, *size)
    return {
        "folder_files": sorted(
            str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()
        ),
        "size": size,
        "view": view,
        "record": record,
        "back": part("convert").camera_record(camera, view),
        "splats": state.splats,
        "regions": [region.name for region in state.regions],
        "background": camera.data.background_images[0].image.filepath,
        "photo_bytes_kept": (folder / f"photo{PHOTO.suffix}").read_bytes() == PHOTO.read_bytes(),
        "occupied": refused(lambda: reconstruct()),
        "again": str(reconstruct("two")),
        "cameras": [ob.name for ob in scene.objects if ob.type == "CAMERA"],
    }


def refusals():
    """Bad photos: one sentence, nothing written, the scene untouched."""
    folder = reconstruct()
    bad = {"text.jpg": b"hello", "empty.png": b"", "half.jpg": PHOTO.read_bytes()[:2000]}
    said = {}
    for name, data in bad.items():
        path = FOLDER / name
        path.write_bytes(data)
        target = FOLDER / "bad.anchorstage"
        said[name] = refused(
            lambda path=path, target=target: bpy.ops.anchorstage.reconstruct(
                filepath=str(path), output=str(target)
            )
        )
        assert not target.exists()
    said["missing"] = refused(
        lambda: bpy.ops.anchorstage.reconstruct(filepath=str(FOLDER / "none.jpg"))
    )
    said["nowhere"] = refused(
        lambda: bpy.ops.anchorstage.reconstruct(
            filepath=str(PHOTO), output=str(FOLDER / "text.jpg" / "x.anchorstage")
        )
    )
    return {
        "said": said,
        "path": bpy.context.scene.anchorstage.path == str(folder),
        "left": sorted(p.name for p in FOLDER.iterdir()),
    }


def cancelling():
    link = part("link")
    target = FOLDER / "cancelled.anchorstage"
    args = {"output": str(target)}
    lends = {"photo": PHOTO}
    warm = {"output": str(FOLDER / "warm.anchorstage"), "max_splats": FEW}
    link.call("reconstruct", warm, lends=lends)
    measured = []
    for wait in (0.0, 0.15, 0.4):
        asked = []

        start = time.monotonic()

        def should_stop(start=start, wait=wait, asked=asked):
            if not asked and time.monotonic() - start >= wait:
                asked.append(time.monotonic())
            return bool(asked)

        try:
            link.call("reconstruct", args, should_stop=should_stop, lends=lends)
            measured.append(None)
        except link.Stopped:
            measured.append(time.monotonic() - asked[0])
    left = sorted(p.name for p in FOLDER.iterdir())
    return {"seconds": measured, "left": left, "next": str(reconstruct("after"))}


def killed_worker():
    link = part("link")
    folder = reconstruct()
    process = link.process_id()
    before = (folder / "scene.json").read_bytes()
    threading.Timer(0.15, lambda: os.kill(process, signal.SIGKILL)).start()
    try:
        args = {"output": str(folder), "overwrite": True}
        link.call("reconstruct", args, lends={"photo": PHOTO})
        said = "it finished"
    except link.EngineError as error:
        said = str(error)
    return {
        "said": said,
        "same": (folder / "scene.json").read_bytes() == before,
        "next": link.call("info", {"scene": str(folder)})["splats"],
        "other_process": link.process_id() != process,
    }


def idle_death():
    link = part("link")
    folder = reconstruct()
    process = link.process_id()
    os.kill(process, signal.SIGKILL)
    while link.process_id() == process:
        time.sleep(0.01)
    return {"next": link.call("info", {"scene": str(folder)})["splats"]}


def in_thread():
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_in_thread = True
    link = part("link")
    try:
        link.call("info", {"scene": str(FOLDER)})
    except link.EngineError as error:
        said = str(error)
    if "cannot run inside" in said:  # a Blender whose own libraries get in the way says so
        preferences.engine_in_thread = False
        return {"said": said, "now": link.call("info", {"scene": str(reconstruct())})["splats"]}
    folder = reconstruct()
    kind = part("session").of(part("link.door").LinkState).link.worker_kind
    preferences.engine_in_thread = False
    return {"said": said, "kind": kind, "now": link.call("info", {"scene": str(folder)})["splats"]}


def corrupt_scene():
    good = reconstruct()
    damaged = FOLDER / "damaged.anchorstage"
    shutil.copytree(good, damaged)
    ply = damaged / "splats.ply"
    ply.write_bytes(ply.read_bytes()[:-100])
    newer = FOLDER / "newer.anchorstage"
    shutil.copytree(good, newer)
    record = json.loads((newer / "scene.json").read_text(encoding="utf-8"))
    (newer / "scene.json").write_text(json.dumps(record | {"schema": 99}), encoding="utf-8")
    open_scene = bpy.ops.anchorstage.open_scene
    said = {
        "truncated": refused(lambda: open_scene(directory=str(damaged))),
        "newer": refused(lambda: open_scene(directory=str(newer))),
        "no scene": refused(lambda: open_scene(directory=str(FOLDER))),
    }
    kept = bpy.context.scene.anchorstage.path == str(good)
    return {"said": said, "kept": kept, "opens": list(open_scene(directory=str(good)))}


def missing_folder():
    folder = reconstruct()
    blend = FOLDER / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    folder.rename(FOLDER / "moved.anchorstage")
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    panels = draw_panels()
    scene = bpy.context.scene
    scene.camera.location.x = 3.25
    bpy.ops.anchorstage.relink(directory=str(FOLDER / "moved.anchorstage"))
    return {
        "scene_panel": panels["ANCHORSTAGE_PT_scene"],
        "relinked": part("scene_state").missing_sentence(scene),
        "camera_kept": scene.camera.location.x,
    }


def curves(action):
    """The curves of an action; from 5.0 on they lie in its layers."""
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags for curve in bag.fcurves]


def save_and_reopen():
    reconstruct("räum")
    bpy.context.scene.anchorstage.regions[0].locked = True
    bpy.ops.anchorstage.add_camera()
    bpy.ops.anchorstage.key_camera()
    first, second = FOLDER / "shot.blend", FOLDER / "deeper" / "copy.blend"
    second.parent.mkdir()
    paths = []
    for blend in (first, second):
        bpy.ops.wm.save_as_mainfile(filepath=str(blend))
        bpy.ops.wm.read_homefile(use_empty=True)
        empty = part("scene_state").folder(bpy.context.scene)
        bpy.ops.wm.open_mainfile(filepath=str(blend))
        scene = bpy.context.scene
        paths.append(
            {
                "path": scene.anchorstage.path,
                "problem": part("scene_state").missing_sentence(scene),
                "empty": empty is None,
            }
        )
    return {
        "paths": paths,
        "locked": scene.anchorstage.regions[0].locked,
        "camera": scene.camera.name,
        "keys": len(curves(scene.camera.animation_data.action)),
    }


def two_scenes():
    """Each Blender scene has its own splats; a second scene starts without."""
    reconstruct("one")
    other = bpy.data.scenes.new("Other")
    state = part("scene_state")
    empty = state.folder(other) is None
    bpy.ops.anchorstage.open_scene(directory=str(reconstruct("two")))
    return {
        "empty": empty,
        "here": state.folder(bpy.context.scene).name,
        "camera_elsewhere": other.camera is None,
    }


def moves():
    reconstruct()
    scene = bpy.context.scene
    bpy.ops.anchorstage.add_camera()
    camera = scene.camera
    start = camera.matrix_world.copy()
    right, up_axis, back = (start.col[i].to_3d() for i in range(3))
    measured = {}
    for name, amount in (("dolly", 2.0), ("truck", 0.5), ("pedestal", 0.25)):
        camera.matrix_world = start
        getattr(bpy.ops.anchorstage, name)(amount=amount)
        way = camera.matrix_world.translation - start.translation
        measured[name] = [way.dot(right), way.dot(up_axis), way.dot(-back), way.z]
    camera.matrix_world = start
    bpy.ops.anchorstage.orbit(amount=0.5)
    pivot = start.translation - back * scene.anchorstage.pivot_distance
    local = camera.matrix_world.inverted() @ pivot
    measured["orbit"] = [local.x, local.y, -local.z / scene.anchorstage.pivot_distance]
    keyless = camera.animation_data is None
    scene.tool_settings.use_keyframe_insert_auto = True
    bpy.ops.anchorstage.dolly(amount=1.0)
    bpy.ops.anchorstage.set_lens(lens=85)
    keyed = camera.animation_data is not None and camera.data.animation_data is not None
    bpy.ops.anchorstage.reset_camera()
    photo = next(ob for ob in scene.objects if "anchorstage_camera" in ob)
    preset = next(
        p for d in bpy.utils.preset_paths("camera") for p in Path(d).glob("AnchorStage_24mm.py")
    )
    with bpy.context.temp_override(camera=camera.data):
        bpy.ops.script.execute_preset(filepath=str(preset), menu_idname="CAMERA_PT_presets")
    difference = max(
        abs(a - b)
        for r, s in zip(camera.matrix_world, photo.matrix_world, strict=True)
        for a, b in zip(r, s, strict=True)
    )
    return {
        "moves": measured,
        "keyless": keyless,
        "keyed": keyed,
        "back_to_photo": difference,
        "preset_lens": camera.data.lens,
    }


if __name__ == "__main__":
    bpy.ops.wm.read_homefile(use_empty=True)
    result = globals()[NAME]()
    OUTPUT.write_text(json.dumps(result, default=str), encoding="utf-8")
