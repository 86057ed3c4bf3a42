"""What artists and farms do off the beaten track, run inside Blender: `review_scenarios.py NAME PHOTO FOLDER OUTPUT.json`."""

import json
import os
import sys
import threading
import time
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.anchorstage"
NAME, PHOTO, FOLDER, OUTPUT = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
FEW = 5_000  # splats, so that a scene takes no time
PATIENCE = 20  # seconds after which a wait counts as endless


def part(name):
    """A module of the installed extension."""
    return sys.modules[f"{MODULE}.anchorstage_addon.{name}"]


def reconstruct(name="one", photo=PHOTO, **options):
    folder = FOLDER / f"{name}.anchorstage"
    assert bpy.ops.anchorstage.reconstruct(
        filepath=str(photo), output=str(folder), max_splats=FEW, **options
    ) == {"FINISHED"}
    bpy.context.scene.render.resolution_percentage = 10
    return folder


def said_by(call):
    """The sentence with which an operator refused, or what it returned."""
    try:
        return sorted(call())
    except RuntimeError as error:
        return str(error).strip()


def missing():
    return part("scene_state").missing_sentence(bpy.context.scene)


def current_link():
    """The link of the add-on's session."""
    return part("session").of(part("link.door").LinkState).link


def endings():
    """Jobs that wait behind another: the link ends, or they are cancelled; nobody waits for ever."""
    link = part("link")
    folder = reconstruct()
    lends = {"photo": PHOTO}
    said, waited = [], []

    def long_args(name):
        return {"output": str(FOLDER / f"{name}.anchorstage")}

    def wait_behind():
        try:
            link.call("reconstruct", long_args("behind"), lends=lends)
        except link.EngineError as error:
            said.append(str(error))

    def busy():
        failed = lambda error: said.append(str(error))  # noqa: E731
        first = link.submit("reconstruct", long_args("long"), None, failed, lends=lends)
        while first.fraction < 0.1:
            time.sleep(0.01)
        return first

    first = busy()
    waiting = threading.Thread(target=wait_behind, daemon=True)
    waiting.start()
    time.sleep(0.1)
    old, deadline = current_link(), time.monotonic() + PATIENCE
    for _ in range(3):
        threading.Thread(target=wait_behind, daemon=True).start()
    polls = bpy.ops.anchorstage.open_scene.poll()
    quick = link.call("info", {"scene": str(folder)})["splats"]
    link.configure()
    waiting.join(PATIENCE)
    while len(said) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    late = old.put(link.Task("info", {"scene": str(folder)}))
    ended = {
        "waits": waiting.is_alive(),
        "said": said[:],
        "late": [late.done.is_set(), str(late.error)],
        "quick": quick,
    }
    ended |= {"polls": polls, "kept": old._finished.qsize()}

    first = busy()
    begun = time.monotonic()
    try:
        link.call("reconstruct", long_args("behind"), should_stop=lambda: True, lends=lends)
    except link.Stopped:
        waited = [time.monotonic() - begun, first.done.is_set()]
    second = link.submit("reconstruct", long_args("behind"), lends=lends)
    bpy.ops.anchorstage.cancel(number=second.number)
    second.done.wait(PATIENCE)
    current_link().deliver()
    one_of_two = [
        first.cancelled.is_set(),
        second.cancelled.is_set(),
        [task.job for task in link.tasks()],
    ]
    bpy.ops.anchorstage.cancel()
    first.done.wait(PATIENCE)
    return {
        "ended": ended,
        "waited": waited,
        "cancelled": one_of_two,
        "all": first.cancelled.is_set(),
    }


def saves():
    """A copy and a failed save leave this session's paths leading to the scene; so does a scene linked from elsewhere."""
    reconstruct()
    first, elsewhere = FOLDER / "first.blend", FOLDER / "deep" / "er"
    bpy.context.scene.name = "Linked"
    bpy.ops.wm.save_as_mainfile(filepath=str(first))
    elsewhere.mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "copy.blend"), copy=True)
    problems = {"copy": missing()}
    said_by(
        lambda: bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "nowhere" / "at" / "all.blend"))
    )
    problems["failed"] = missing()
    bpy.ops.wm.open_mainfile(filepath=str(elsewhere / "copy.blend"))
    problems["opened copy"] = missing()

    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "shot.blend"))
    with bpy.data.libraries.load(str(first), link=True) as (there, here):
        here.scenes = there.scenes
    scene = bpy.data.scenes["Linked"]
    problems["linked"] = part("scene_state").missing_sentence(scene)
    bpy.ops.wm.save_mainfile()
    problems["linked, saved"] = part("scene_state").missing_sentence(scene)
    scene.render.engine = "ANCHORSTAGE"
    scene.render.filepath = str(FOLDER / "linked.png")
    rendered = said_by(lambda: bpy.ops.render.render(scene="Linked", write_still=True))
    bpy.context.scene.camera = scene.camera
    polls = {
        name: getattr(bpy.ops.anchorstage, name).poll()
        for name in ("dolly", "set_lens", "key_camera", "add_camera")
    }
    return {"problems": problems, "rendered": rendered, "polls": polls}


def unsaved():
    """A .blend without a place: its `//` is Blender's working folder, and not the engine's."""
    os.chdir(FOLDER)
    (FOLDER / "relative.jpg").write_bytes(PHOTO.read_bytes())
    answer = said_by(
        lambda: bpy.ops.anchorstage.reconstruct(filepath="relative.jpg", max_splats=FEW)
    )
    bpy.context.scene.render.resolution_percentage = 10
    bpy.ops.anchorstage.setup_export()
    bpy.ops.render.render()
    return {
        "answer": answer,
        "folder": str(part("scene_state").folder(bpy.context.scene)),
        "files": [str(path) for path in FOLDER.rglob("shot.*.exr")],
    }


def frames():
    """What fails inside a render ends it, and no empty frame is written."""
    reconstruct()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "frames.blend"))
    bpy.ops.anchorstage.setup_export()
    engine = part("render_engine.engine")
    works = engine.read_planes

    def fails(*_):
        raise ValueError("cannot reshape")

    engine.read_planes = fails
    answer = said_by(bpy.ops.render.render)
    engine.read_planes = works
    return {
        "answer": answer,
        "files": [path.name for path in FOLDER.rglob("shot.*.exr")],
        "left": _planes(),
    }


def _planes():
    return [path.name for path in Path(bpy.app.tempdir).glob("*.planes")]


def cameras():
    """Something else as the scene's camera; every fit of the sensor with every shape of picture and pixel."""
    reconstruct()
    scene, photo = bpy.context.scene, bpy.context.scene.camera
    empty = bpy.data.objects.new("Empty", None)
    scene.collection.objects.link(empty)
    scene.camera = empty
    names = ("dolly", "set_lens", "key_camera", "add_camera", "reset_camera")
    polls = {name: getattr(bpy.ops.anchorstage, name).poll() for name in names}
    scene.camera = photo
    lenses = []
    photo.data.lens, photo.data.sensor_height = 33.0, 20.0
    for fit in ("AUTO", "HORIZONTAL", "VERTICAL"):
        for size, pixels in (
            ((200, 100), (1, 1)),
            ((100, 200), (1, 1)),
            ((100, 90), (1, 2)),
            ((100, 100), (2, 1)),
        ):
            photo.data.sensor_fit = fit
            scene.render.resolution_x, scene.render.resolution_y = size
            scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = pixels
            depsgraph = bpy.context.evaluated_depsgraph_get()
            view = part("convert").view_of_camera(photo, depsgraph, *size)
            record = part("convert").camera_record(photo, view)
            lenses.append([record["focal_length"], record["sensor_width"], view["fx"] / size[0]])
    return {"polls": polls, "lenses": lenses}


def images():
    """The photo behind the camera follows the scene; images that are painted on, and ones that are gone."""
    folder = reconstruct()
    other = bpy.data.images.new("other", 96, 128)
    other.generated_type = "COLOR_GRID"
    other.file_format = "JPEG"
    other.save(filepath=str(FOLDER / "other.jpg"))
    background = lambda: list(bpy.context.scene.camera.data.background_images[0].image.size)  # noqa: E731
    sizes = [background()]
    reconstruct(photo=FOLDER / "other.jpg", overwrite=True)
    sizes.append(background())

    operators = part("reconstruct.operators")
    home = FOLDER / "home"
    home.mkdir()
    os.environ["HOME"] = os.environ["USERPROFILE"] = str(home)
    shown = {
        "painted": bpy.data.images.load(str(FOLDER / "other.jpg")),
        "gone": bpy.data.images.new("gone", 64, 64),
    }
    shown["painted"].pixels[0:4] = [1, 0, 0, 1]
    shown["gone"].source, shown["gone"].filepath = "FILE", str(FOLDER / "gone.png")
    said = {}
    for name, image in shown.items():
        operators.active_image = lambda _context, image=image: image
        said[name] = said_by(bpy.ops.anchorstage.reconstruct_image)
    return {
        "sizes": sizes,
        "said": said,
        "folder": str(part("scene_state").folder(bpy.context.scene)),
        "home": str(home),
        "images": sorted(
            image.name
            for image in bpy.data.images
            if "gone" in image.name or "painted" in image.name
        ),
        "first": str(folder),
    }


def templates():
    """From 5.0 on, Blender fills templates in a File Output node's folder; what is not found to be finished is said."""
    reconstruct()
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "templates.blend"))
    bpy.context.scene.anchorstage_export.folder = "//{blend_name}"
    bpy.ops.anchorstage.setup_export()
    bpy.ops.render.render()
    said = part("ui.status").last()
    return {
        "said": said.text if said else "",
        "files": [str(path) for path in FOLDER.rglob("shot.*.exr")],
    }


def units():
    """A unit scale other than 1 is said where the artist looks."""
    reconstruct()
    said = []

    class Layout:
        def label(self, text="", **_):
            said.append(text)

        def operator(self, *_, **__):
            return self

        def column(self, **_):
            return self

    draw = part("opening.panel").ANCHORSTAGE_PT_scene.draw
    lengths = []
    for scale in (1.0, 0.01):
        bpy.context.scene.unit_settings.scale_length = scale
        said.clear()
        draw(type("Panel", (), {"layout": Layout()})(), bpy.context)
        lengths.append(any("unit scale" in text for text in said))
    return {"said": lengths}


if __name__ == "__main__":
    bpy.ops.wm.read_homefile(use_empty=True)
    OUTPUT.write_text(json.dumps(globals()[NAME](), default=str), encoding="utf-8")
