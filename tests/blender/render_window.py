"""Ctrl-F12 in a window: `render_window.py FOLDER OUTPUT.json`. The render runs in Blender's job thread."""

import json
import os
import sys
import threading
from pathlib import Path

import bpy

FOLDER, OUTPUT = Path(sys.argv[1]), Path(sys.argv[2])
POLL = 0.1  # seconds
FRAMES = 3
seen = {"threads": []}


def done(result):
    OUTPUT.write_text(json.dumps(result), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)


def steps():
    """Each `yield` waits a moment; each `while` waits for Blender."""
    scene = bpy.context.scene
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    context = {"window": window, "area": area, "region": region}
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "shot.blend"))
    with bpy.context.temp_override(**context):
        bpy.ops.anchorstage.reconstruct(
            filepath=str(FOLDER / "photo.png"), output=str(FOLDER / "photo.anchorstage")
        )
    while not scene.anchorstage.path:
        yield
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.render.filepath = str(FOLDER / "main_")
    with bpy.context.temp_override(**context):
        bpy.ops.anchorstage.setup_export()
        bpy.ops.render.render("INVOKE_DEFAULT", animation=True)
    yield
    while bpy.app.is_job_running("RENDER"):
        yield
    files = sorted(path.name for path in (FOLDER / "anchorstage_out").iterdir())
    status = sys.modules["bl_ext.user_default.anchorstage.anchorstage_addon.ui.status"].last()
    done(
        {
            "files": files,
            "threads": seen["threads"],
            "error": status.text if status and status.is_error else "",
        }
    )


def note_thread(*_):
    seen["threads"].append(threading.current_thread() is threading.main_thread())


running = steps()


def tick():
    try:
        next(running)
    except Exception as error:  # noqa: BLE001  whatever it is, the test shall say it
        done({"error": repr(error)})
    return POLL


bpy.app.handlers.render_post.append(note_thread)
bpy.app.timers.register(tick, first_interval=1.0)
