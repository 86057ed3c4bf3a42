"""The main job in a real headless Blender, run by `build.py demo` with Blender's Python.

It installs the zip, reconstructs a photo, keyframes a move and renders EXRs, all through the
operators that the panel's buttons call.
"""

import argparse
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import bpy

FRAMES = 16
SIZE = (1280, 720)  # pixels
DOLLY = 0.10  # part of the distance to the surfaces of the photo
TRUCK = 0.04  # part of the same distance
LENS = 1.15  # factor of the focal length
MEBIBYTE = 1024  # KiB, in which ru_maxrss counts
MODULE = "bl_ext.user_default.anchorstage"  # the installed extension


def main() -> None:
    """Do the job and leave `summary.json` beside the frames."""
    options = _options()
    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    blend = output / "shot.blend"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    steps = {
        "install the zip": lambda: install(options.zip),
        "reconstruct": lambda: reconstruct(options.photo, output),
        "keyframe the move": keyframe,
        "set up the export": lambda: set_up(output),
        "save the .blend": lambda: bpy.ops.wm.save_as_mainfile(filepath=str(blend)),
        "render the animation": lambda: bpy.ops.render.render(animation=True),
    }
    seconds = {name: _timed(name, work) for name, work in steps.items()}
    write_summary(options, seconds)


def _timed(name: str, work: Callable[[], set[str]]) -> float:
    """Run a step, print the seconds that it took and return them.

    Raises:
        RuntimeError: Its operator did not finish.
    """
    start = time.perf_counter()
    result = work()
    seconds = round(time.perf_counter() - start, 2)
    print(f"  {name}: {seconds:.2f} s", flush=True)
    if "FINISHED" not in result:
        raise RuntimeError(f"{name} did not finish")
    return seconds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("zip", "photo", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser.parse_args()


def install(archive: Path) -> set[str]:
    """Install the zip as a user does: from disk, enabled at once."""
    return bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=str(archive), enable_on_install=True
    )


def reconstruct(photo: Path, output: Path) -> set[str]:
    """Make a scene of one photo, with the photo's camera."""
    folder = output / f"{photo.stem}.anchorstage"
    return bpy.ops.anchorstage.reconstruct(
        filepath=str(photo.resolve()), output=str(folder.resolve()), overwrite=True
    )


def keyframe() -> set[str]:
    """Key a shot camera that starts as the photo, dollies in, trucks right and changes its lens."""
    scene = bpy.context.scene
    scene.frame_start = 1
    scene.frame_end = FRAMES
    scene.frame_set(1)
    bpy.ops.anchorstage.add_camera()
    bpy.ops.anchorstage.key_camera()
    scene.frame_set(FRAMES)
    distance = scene.anchorstage.pivot_distance
    bpy.ops.anchorstage.dolly(amount=DOLLY * distance)
    bpy.ops.anchorstage.truck(amount=TRUCK * distance)
    bpy.ops.anchorstage.set_lens(lens=scene.camera.data.lens * LENS)
    return bpy.ops.anchorstage.key_camera()


def set_up(output: Path) -> set[str]:
    """Choose AnchorStage's engine, 1280x720, and the compositor's EXR output."""
    scene = bpy.context.scene
    preview = output / "preview" / "frame_"
    exr = output / "exr"
    scene.render.engine = "ANCHORSTAGE"
    scene.render.resolution_x = SIZE[0]
    scene.render.resolution_y = SIZE[1]
    scene.render.filepath = str(preview.resolve())
    scene.anchorstage_export.folder = str(exr.resolve())
    return bpy.ops.anchorstage.setup_export()


def write_summary(options: argparse.Namespace, seconds: dict[str, float]) -> None:
    """Write the results, their times and their memory to `summary.json`.

    Raises:
        RuntimeError: Frames are missing.
    """
    output = options.output
    exr = output / "exr"
    frames = sorted(exr.glob("shot.*.exr"))
    if len(frames) < FRAMES:
        raise RuntimeError(f"{len(frames)} of {FRAMES} frames were written")
    state = bpy.context.scene.anchorstage
    scene_facts = {
        "splats": state.splats,
        "regions": [region.name for region in state.regions],
        "depth": state.depth_source,
    }
    blender_peak = _peak_mib(resource.RUSAGE_SELF)
    # it ends the engine's process, which counts only then
    bpy.ops.preferences.addon_disable(module=MODULE)
    summary = {
        "blender": bpy.app.version_string,
        "seconds": seconds,
        **scene_facts,
        "frames": len(frames),
        "frames_per_second": round(len(frames) / seconds["render the animation"], 2),
        "blender_peak_mib": blender_peak,
        "engine_peak_mib": _peak_mib(resource.RUSAGE_CHILDREN),
        "exr": str(exr),
        "scene": str(output / f"{options.photo.stem}.anchorstage"),
        "blend": str(output / "shot.blend"),
    }
    text = json.dumps(summary, indent=2)
    (output / "summary.json").write_text(text, encoding="utf-8")


def _peak_mib(whose: int) -> int:
    return round(resource.getrusage(whose).ru_maxrss / MEBIBYTE)


if __name__ == "__main__":
    status = 0
    try:
        main()
    except BaseException:  # noqa: BLE001  the ordinary way out of bpy 4.2 and 4.5 crashes or hangs
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
