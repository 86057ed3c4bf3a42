"""The main job in a real headless Blender: install the zip, reconstruct a photo, keyframe a move, render EXRs.

Run by `build.py demo` with Blender's Python. Everything here goes through the operators that the panel's buttons call.
"""

import argparse
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path

import bpy

FRAMES = 16
SIZE = (1280, 720)
DOLLY, TRUCK, LENS = (
    0.10,
    0.04,
    1.15,
)  # parts of the distance to what the photo shows; factor of the focal length
MEBIBYTE = 1024  # ru_maxrss counts KiB


def main() -> None:
    """Do the job and leave `summary.json` beside the frames."""
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}

    def timed(name: str, work) -> None:
        start = time.perf_counter()
        result = work()
        seconds[name] = round(time.perf_counter() - start, 2)
        print(f"  {name}: {seconds[name]:.2f} s", flush=True)
        if "FINISHED" not in result:
            raise RuntimeError(f"{name} did not finish")

    bpy.ops.wm.read_factory_settings(use_empty=True)
    timed("install the zip", lambda: install(options.zip))
    timed("reconstruct", lambda: reconstruct(options.photo, options.output))
    timed("keyframe the move", keyframe)
    timed("set up the export", lambda: set_up(options.output))
    blend = options.output / "shot.blend"
    timed("save the .blend", lambda: bpy.ops.wm.save_as_mainfile(filepath=str(blend)))
    timed("render the animation", lambda: bpy.ops.render.render(animation=True))
    write_summary(options, seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("zip", "photo", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser.parse_args()


def install(archive: Path) -> set[str]:
    """As a user installs it: from disk, enabled at once."""
    return bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=str(archive), enable_on_install=True
    )


def reconstruct(photo: Path, output: Path) -> set[str]:
    """One photo to a scene with the photo's camera."""
    folder = output / f"{photo.stem}.anchorstage"
    return bpy.ops.anchorstage.reconstruct(
        filepath=str(photo.resolve()), output=str(folder.resolve()), overwrite=True
    )


def keyframe() -> set[str]:
    """A shot camera that starts as the photo, dollies in, trucks to the right and changes its lens."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, FRAMES
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
    """AnchorStage's engine, 1280x720, the compositor's EXR output."""
    scene = bpy.context.scene
    scene.render.engine = "ANCHORSTAGE"
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.filepath = str((output / "preview" / "frame_").resolve())
    scene.anchorstage_export.folder = str((output / "exr").resolve())
    return bpy.ops.anchorstage.setup_export()


def write_summary(options: argparse.Namespace, seconds: dict[str, float]) -> None:
    """What was made, how fast, with how much memory."""
    state = bpy.context.scene.anchorstage
    made = {
        "splats": state.splats,
        "regions": [region.name for region in state.regions],
        "depth": state.depth_source,
    }
    frames = sorted((options.output / "exr").glob("shot.*.exr"))
    if len(frames) < FRAMES:
        raise RuntimeError(f"{len(frames)} of {FRAMES} frames were written")
    blender_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBIBYTE
    bpy.ops.preferences.addon_disable(
        module="bl_ext.user_default.anchorstage"
    )  # ends the engine, so that it is counted
    summary = {
        "blender": bpy.app.version_string,
        "seconds": seconds,
        **made,
        "frames": len(frames),
        "frames_per_second": round(len(frames) / seconds["render the animation"], 2),
        "blender_peak_mib": round(blender_peak),
        "engine_peak_mib": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / MEBIBYTE),
        "exr": str(options.output / "exr"),
        "scene": str(options.output / f"{options.photo.stem}.anchorstage"),
        "blend": str(options.output / "shot.blend"),
    }
    (options.output / "summary.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")


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
