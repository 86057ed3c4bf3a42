"""What an artist does in a window: `window_scenarios.py NAME PHOTO FOLDER OUTPUT.json`."""

import itertools
import json
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import desk

NAME, PHOTO, FOLDER, OUTPUT = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
MODULE = "bl_ext.user_default.anchorstage"
BUTTON_DEPTH = 48  # pixels below the sidebar's top edge: the panel's header, then the first button


def part(name):
    """A module of the installed extension."""
    return sys.modules[f"{MODULE}.anchorstage_addon.{name}"]


def scene():
    return bpy.context.window_manager.windows[0].scene


def file_browser():
    """The file browser that an operator of ours opened, wherever it is."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "FILE_BROWSER" and area.spaces.active.active_operator is not None:
                return window, area
    return None


def tidy():
    """An empty scene with an open sidebar."""
    bpy.context.preferences.view.filebrowser_display_type = "WINDOW"
    bpy.ops.wm.read_homefile(use_empty=True)
    yield 0.5
    yield from desk.open_sidebar()


def choose_photo():
    """Click the panel's first button, and choose the photo in the file browser."""
    sidebar = desk.part(desk.viewport(), "UI")
    yield from desk.click(sidebar.x + sidebar.width // 2, sidebar.y + sidebar.height - BUTTON_DEPTH)
    try:
        window, area = yield from desk.until(file_browser, 10, "the file browser")
    except AssertionError:
        desk.screenshot(FOLDER / "failure.png")
        raise
    yield 0.5
    operator = area.spaces.active.active_operator
    area.spaces.active.params.directory = str(PHOTO.parent).encode()
    area.spaces.active.params.filename = PHOTO.name
    operator.output = str(FOLDER / "clicked.anchorstage")
    operator.max_splats = 200_000
    yield 0.5
    asked = operator.bl_idname
    window, area = file_browser()
    with bpy.context.temp_override(window=window, area=area, region=desk.part(area, "WINDOW")):
        bpy.ops.file.execute()
    return asked


def click_to_overlay():
    """Panel, file browser, progress, overlay; how long Blender's loop ever stood still."""
    yield from tidy()
    asked = yield from choose_photo()
    ticks = [time.monotonic()]

    def tick():
        ticks.append(time.monotonic())
        return 0.02 if part("link").tasks() else None

    stages = set()
    bpy.app.timers.register(tick)

    def under_way():
        stages.update(task.stage for task in part("link").tasks())
        return any(0.05 < task.fraction < 1 for task in part("link").tasks())

    yield from desk.until(under_way, 30, "progress")
    yield 0.1
    desk.screenshot(FOLDER / "progress.png")

    def finished():
        stages.update(task.stage for task in part("link").tasks())
        return not part("link").tasks()

    yield from desk.until(finished, 90, "the end of the reconstruction")
    yield 3.0
    desk.screenshot(FOLDER / "overlay.png")
    state = scene().anchorstage
    return {
        "asked": asked,
        "stages": sorted(stages),
        "splats": state.splats,
        "path": state.path,
        "message": part("ui.status").last().text,
        "perspective": desk.viewport().spaces.active.region_3d.view_perspective,
        "gap": max(later - earlier for earlier, later in itertools.pairwise(ticks)),
    }


def cancel_by_click():
    """Start a large reconstruction and press Cancel in the panel."""
    yield from tidy()
    with desk.overridden():
        bpy.ops.anchorstage.reconstruct(
            filepath=str(PHOTO), output=str(FOLDER / "cancelled.anchorstage")
        )
    yield from desk.until(lambda: any(t.fraction > 0 for t in part("link").tasks()), 30, "progress")
    started = time.monotonic()
    with desk.overridden():
        bpy.ops.anchorstage.cancel()
    yield from desk.until(lambda: not part("link").tasks(), 5, "the end")
    seconds = time.monotonic() - started
    yield 0.3
    left = [p.name for p in FOLDER.iterdir()]
    return {
        "seconds": seconds,
        "message": part("ui.status").last().text,
        "left": left,
        "path": scene().anchorstage.path,
    }


def undo_and_redo():
    """Reconstructing is one step of undo; redo brings it back."""
    yield from tidy()
    with desk.overridden():
        bpy.ops.ed.undo_push(message="start")
        bpy.ops.anchorstage.reconstruct(
            filepath=str(PHOTO), output=str(FOLDER / "undo.anchorstage"), max_splats=20_000
        )
    yield from desk.until(
        lambda: scene().anchorstage.path and not part("link").tasks(), 60, "the reconstruction"
    )
    cameras = lambda: [ob.name for ob in scene().objects if ob.type == "CAMERA"]  # noqa: E731
    made = cameras()
    yield 0.5
    with desk.overridden():
        bpy.ops.ed.undo()
    yield 0.5
    undone = {"path": scene().anchorstage.path, "cameras": cameras()}
    with desk.overridden():
        bpy.ops.ed.redo()
    yield 0.5
    with desk.overridden():
        before = scene().camera.matrix_world.translation.copy()
        bpy.ops.anchorstage.dolly(amount=1.5)
        bpy.ops.ed.undo_push(message="dolly")
        moved = (scene().camera.matrix_world.translation - before).length
        bpy.ops.ed.undo()
    yield 0.3
    back = (scene().camera.matrix_world.translation - before).length
    redone = {"path": scene().anchorstage.path, "cameras": cameras()}
    return {"made": made, "undone": undone, "redone": redone, "moved": moved, "back": back}


def load_during_job():
    """Another file is opened while the engine works: the result does not arrive in it, and is not lost."""
    yield from tidy()
    with desk.overridden():
        bpy.ops.anchorstage.reconstruct(
            filepath=str(PHOTO), output=str(FOLDER / "late.anchorstage")
        )
    yield from desk.until(
        lambda: any(t.fraction > 0.05 for t in part("link").tasks()), 30, "progress"
    )
    bpy.ops.wm.read_homefile(use_empty=True)
    yield from desk.until(lambda: not part("link").tasks(), 90, "the end")
    yield 0.5
    cameras = [ob.name for ob in scene().objects if ob.type == "CAMERA"]
    saved = (FOLDER / "late.anchorstage" / "scene.json").is_file()
    return {
        "path": scene().anchorstage.path,
        "cameras": cameras,
        "message": part("ui.status").last().text,
        "saved": saved,
    }


def typed_move():
    """Dolly by typing, with the keys an artist presses; Escape leaves the camera alone."""
    yield from tidy()
    with desk.overridden():
        bpy.ops.anchorstage.reconstruct(
            filepath=str(PHOTO), output=str(FOLDER / "typed.anchorstage"), max_splats=20_000
        )
    yield from desk.until(
        lambda: scene().anchorstage.path and not part("link").tasks(), 60, "the reconstruction"
    )
    yield 0.5
    measured = []
    area = desk.viewport()
    middle = (area.x + area.width // 3, area.y + area.height // 2)
    keys = {"1": "ONE", ".": "PERIOD", "5": "FIVE"}
    for last in ("RET", "ESC"):
        start = scene().camera.matrix_world.translation.copy()
        desk.window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=middle[0], y=middle[1])
        yield 0.2
        with desk.overridden():
            bpy.ops.anchorstage.dolly("INVOKE_DEFAULT")
        yield 0.2
        for character, key in keys.items():
            desk.window().event_simulate(
                type=key, value="PRESS", unicode=character, x=middle[0], y=middle[1]
            )
            desk.window().event_simulate(type=key, value="RELEASE", x=middle[0], y=middle[1])
            yield 0.1
        during = (scene().camera.matrix_world.translation - start).length
        desk.window().event_simulate(type=last, value="PRESS", x=middle[0], y=middle[1])
        desk.window().event_simulate(type=last, value="RELEASE", x=middle[0], y=middle[1])
        yield 0.3
        measured.append([during, (scene().camera.matrix_world.translation - start).length])
    return {"measured": measured}


def open_and_lock():
    """Open a folder without standing still; lock a region; undo; render while the engine makes another scene."""
    yield from tidy()
    folder = FOLDER / "kept.anchorstage"
    with desk.overridden():
        bpy.ops.anchorstage.reconstruct(filepath=str(PHOTO), output=str(folder), max_splats=100_000)
    yield from desk.until(
        lambda: scene().anchorstage.path and not part("link").tasks(), 60, "the reconstruction"
    )
    yield from tidy()
    with desk.overridden():
        bpy.ops.ed.undo_push(message="start")
        started = time.monotonic()
        bpy.ops.anchorstage.open_scene(directory=str(folder))
        stood = time.monotonic() - started
    at_once = scene().anchorstage.path
    yield from desk.until(
        lambda: scene().anchorstage.path and not part("link").tasks(), 60, "the opening"
    )
    yield 1.5
    desk.screenshot(FOLDER / "opened.png")
    message = part("ui.status").last().text

    def locked_on_disk():
        record = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
        return [region["id"] for region in record["regions"] if region["locked"]]

    first = scene().anchorstage.regions[0]
    name = first.name
    first.locked = True
    yield from desk.until(lambda: locked_on_disk() == [name], 10, "the lock")
    with desk.overridden():
        bpy.ops.ed.undo_push(message="lock")
        bpy.ops.ed.undo()
    yield from desk.until(lambda: locked_on_disk() == [], 10, "the lock's undo")

    # A frame does not wait for the reconstruction of another scene.
    scene().render.engine = "ANCHORSTAGE"
    scene().render.resolution_x, scene().render.resolution_y = 320, 214
    other = {"output": str(FOLDER / "other.anchorstage")}
    task = part("link").submit("reconstruct", other, lends={"photo": PHOTO})
    yield from desk.until(lambda: task.fraction > 0.05, 30, "progress")
    done = []
    bpy.app.handlers.render_complete.append(lambda *_: done.append(task.done.is_set()))
    with desk.overridden():
        bpy.ops.render.render("INVOKE_DEFAULT")
    yield from desk.until(lambda: done, 60, "the render")
    task.cancel()
    yield from desk.until(lambda: not part("link").tasks(), 10, "the end")
    with desk.overridden():
        bpy.ops.ed.undo()
    yield 0.3
    return {
        "stood": stood,
        "at_once": at_once,
        "message": message,
        "waited": done[0],
        "undone": scene().anchorstage.path,
    }


def render_in_window():
    """F12 in a window: progress, the finished picture in the image editor."""
    yield from tidy()
    with desk.overridden():
        bpy.ops.anchorstage.reconstruct(
            filepath=str(PHOTO), output=str(FOLDER / "render.anchorstage"), max_splats=280_000
        )
    yield from desk.until(
        lambda: scene().anchorstage.path and not part("link").tasks(), 90, "the reconstruction"
    )
    scene().render.engine = "ANCHORSTAGE"
    scene().render.resolution_x, scene().render.resolution_y = 1280, 720
    bpy.context.preferences.view.render_display_type = "SCREEN"
    done = []
    bpy.app.handlers.render_complete.append(lambda *_: done.append(True))
    with desk.overridden():
        bpy.ops.render.render("INVOKE_DEFAULT")
    yield from desk.until(lambda: done, 60, "the render")
    yield 2.0
    desk.screenshot(FOLDER / "render.png")
    path = FOLDER / "frame.png"
    bpy.data.images["Render Result"].save_render(str(path), scene=scene())
    return {"frame": str(path), "transform": scene().view_settings.view_transform}


if __name__ == "__main__":
    desk.play(globals()[NAME], OUTPUT)
