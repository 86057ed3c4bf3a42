"""What bad input and bad places get, run inside Blender: `bad_scenarios.py FOLDER OUTPUT.json`.

FOLDER holds `photo.png` and pictures to refuse or to take. All scenarios run in one Blender, one
after the other.
"""

import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import bpy

FOLDER, OUTPUT = Path(sys.argv[1]), Path(sys.argv[2])
ADDON = "bl_ext.user_default.anchorstage.anchorstage_addon"
SCENE = bpy.context.scene
FEW = 2000  # splats
PLANE = 192 * 128 * 4  # bytes of one channel of a frame
PASSES = importlib.import_module(f"{ADDON.rpartition('.')[0]}.engine.tables.passes")
# Channels that the engine hands to Blender; the EXR has one more for each region.
HANDED_OVER = PASSES.BLENDER_CHANNELS


def part(name):
    """A module of the installed extension."""
    return sys.modules[f"{ADDON}.{name}"]


def said(call):
    """The sentence with which an operator refused; "" where it did not."""
    try:
        call()
    except RuntimeError as error:
        return str(error).strip()
    return ""


def reconstruct(output, photo="photo.png", **options):
    path = str(FOLDER / photo)
    return bpy.ops.anchorstage.reconstruct(
        filepath=path, output=str(output), max_splats=FEW, **options
    )


def over(output):
    """A scene of a larger photo, with as many splats as it gives, which takes a while to write."""
    bpy.ops.anchorstage.reconstruct(
        filepath=str(FOLDER / "large.png"), output=str(output), overwrite=True
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def end_process():
    """Kill the engine's process, and wait until the add-on knows it."""
    link = part("link")
    number = link.process_id()
    os.kill(number, signal.SIGKILL)
    while link.process_id() == number:
        time.sleep(0.005)


def photos():
    """Every picture of the folder: what it is refused with, and what is written."""
    answers = {}
    for photo in sorted(path.name for path in FOLDER.iterdir() if path.is_file()):
        place = FOLDER / "räum 'q" / photo
        place.mkdir(parents=True)
        answers[photo] = {
            "said": said(
                lambda place=place, photo=photo: reconstruct(place / "s.anchorstage", photo)
            )
        }
        answers[photo]["left"] = names(place)
    return answers


def scenes(good):
    """A good scene with one thing wrong at a time."""
    answers = {}

    def attempt(name, damage):
        folder = FOLDER / "damaged.anchorstage"
        shutil.copytree(good, folder)
        damage(folder)
        answers[name] = said(lambda: bpy.ops.anchorstage.open_scene(directory=str(folder)))
        shutil.rmtree(folder)

    # levels of detail are made anew from the splats where they are missing or damaged
    needed = [path for path in good.rglob("*") if path.is_file() and path.name != "levels.bin"]
    for path in sorted(path.relative_to(good) for path in needed):
        attempt(f"no {path}", lambda folder, path=path: (folder / path).unlink())
        attempt(
            f"half of {path}",
            lambda folder, path=path: os.truncate(folder / path, (good / path).stat().st_size // 2),
        )
    record = json.loads((good / "scene.json").read_text(encoding="utf-8"))
    camera, region = record["cameras"][0], record["regions"][0]
    changes = {
        "newer": {"schema": 99},
        "outside": {"photo": {**record["photo"], "file": "../../../../etc/passwd"}},
        "pose": {"cameras": [{**camera, "position": [float("nan"), 0, 0]}]},
        "lens": {"cameras": [{**camera, "focal_length": -1}]},
        "count": {"splats": {**record["splats"], "count": 10**12}},
        "region": {"regions": [{**region, "id": "../../x"}]},
    }
    for name, change in changes.items():
        text = json.dumps(record | change)
        attempt(
            name,
            lambda folder, text=text: (folder / "scene.json").write_text(text, encoding="utf-8"),
        )
    answers["a file"] = said(
        lambda: bpy.ops.anchorstage.open_scene(directory=str(good / "scene.json"))
    )
    return {"said": answers, "kept": Path(SCENE.anchorstage.path) == good}


def places(good):
    """Outputs that are taken or cannot be written to."""
    unwritable = (
        Path("/sys/fs") if os.geteuid() == 0 else Path("/")
    )  # where not even root can make a file
    tries = {
        "taken": lambda: reconstruct(good),
        "a file": lambda: reconstruct(FOLDER / "text.jpg", overwrite=True),
        "no scene": lambda: reconstruct(FOLDER, overwrite=True),
        "read-only": lambda: reconstruct(unwritable / "x.anchorstage"),
    }
    return {"said": {name: said(call) for name, call in tries.items()}}


def killed(good):
    """The engine is killed while it writes over a scene."""
    before = (good / "scene.json").read_bytes()

    def kill():
        while not any(".tmp" in path.name for path in FOLDER.iterdir()):
            time.sleep(0.0005)
        os.kill(victim, signal.SIGKILL)

    victim = part("link").process_id()
    threading.Thread(target=kill, daemon=True).start()
    sentence = said(
        lambda: bpy.ops.anchorstage.reconstruct(
            filepath=str(FOLDER / "large.png"), output=str(good), overwrite=True
        )
    )
    whole = (good / "scene.json").read_bytes() == before
    return {
        "said": sentence,
        "whole": whole,
        "left": [name for name in names(FOLDER) if ".tmp" in name],
    }


def children(good):
    """The engine cannot be started."""
    answers, kept = {}, sys.executable
    for name, executable in {
        "forbidden": str(FOLDER / "text.jpg"),
        "gone": "/nowhere/python",
    }.items():
        end_process()
        sys.executable = executable
        answers[name] = said(lambda: bpy.ops.anchorstage.open_scene(directory=str(good)))
        sys.executable = kept
        bpy.ops.anchorstage.open_scene(directory=str(good))
    return answers


def temporary(good):
    """No place for temporary files: a clean-up took Blender's folder, or there is none at all."""
    end_process()
    tempfile.tempdir = "/nowhere"
    started = said(lambda: bpy.ops.anchorstage.open_scene(directory=str(good)))
    tempfile.tempdir = None
    shutil.rmtree(bpy.app.tempdir)
    rendered = said(lambda: bpy.ops.render.render())
    shutil.rmtree(bpy.app.tempdir)
    Path(bpy.app.tempdir.rstrip("/")).write_text("in the way")
    refused = said(lambda: bpy.ops.render.render())
    Path(bpy.app.tempdir.rstrip("/")).unlink()
    os.mkdir(bpy.app.tempdir)
    return {"started": started, "rendered": rendered, "refused": refused}


def last():
    """What the panel says."""
    message = part("ui.status").last()
    return message.text if message else ""


def shot(out):
    """Render two frames to a folder: what the operator said, what the panel says, what lies there."""
    part("ui.status").dismiss()
    SCENE.anchorstage_export.folder = str(out)
    bpy.ops.anchorstage.setup_export()
    sentence = said(lambda: bpy.ops.render.render(animation=True))
    return {"said": sentence, "panel": last(), "left": names(out) if out.is_dir() else []}


def disks():
    """Blender's and the engine's files may only become so large, as on a disk that fills up; then they may again."""
    SCENE.frame_start, SCENE.frame_end = 1, 2
    SCENE.render.filepath = str(FOLDER / "main" / "f_")
    below_a_file = shot(FOLDER / "text.jpg" / "out")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        end_process()  # the next one inherits the limit

    limit(PLANE)
    cramped = shot(FOLDER / "cramped")
    limit((HANDED_OVER + 1) * PLANE)
    full = shot(FOLDER / "full")
    scene = said(lambda: over(FOLDER / "y.anchorstage"))
    limit(hard)
    again = shot(FOLDER / "full")
    left = [name for name in names(FOLDER) if ".tmp" in name or name == "y.anchorstage"]
    return {
        "below": below_a_file,
        "cramped": cramped,
        "full": full,
        "again": again,
        "scene": {"said": scene, "left": left},
    }


def main():
    answers = {"photos": photos()}
    good = FOLDER / "räum 写.anchorstage"
    reconstruct(good)
    SCENE.render.engine = "ANCHORSTAGE"
    answers["scenes"] = scenes(good)
    answers["places"] = places(good)
    answers["killed"] = killed(good)
    reconstruct(FOLDER / "warm.anchorstage", overwrite=True)  # a new engine
    bpy.ops.anchorstage.open_scene(directory=str(good))
    answers["children"] = children(good)
    answers["temporary"] = temporary(good)
    answers["disks"] = disks()
    return answers


OUTPUT.write_text(json.dumps(main(), default=str), encoding="utf-8")
