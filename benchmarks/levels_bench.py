"""Frames while the camera moves: their time, and their PSNR against the full render.

`rows()` gives the rows of the whole benchmark; it also runs alone.
"""

import os
from dataclasses import replace

import cv2
import numpy as np

from benchmarks import timing
from benchmarks.image_metrics import psnr
from benchmarks.scenes import photo_like_scene, shifted
from benchmarks.timing import milliseconds
from engine.camera import View
from engine.render import RenderOptions
from engine.render.levels import Levels
from engine.render.levels.build import build_levels
from engine.render.rasteriser import render
from engine.splats.record import Splats

COUNTS = (300_000, 1_000_000, 3_000_000, 5_000_000)
SIZES = ((1280, 720), (1920, 1080))  # pixels

AHEAD = 1.5  # metres before the photo's place
BEHIND = 6.0  # metres behind the photo's place

# The picture on the splats has detail of every size, as photos have: octaves of noise.
PICTURE_SIZE = (1280, 720)  # pixels
DETAIL = 160  # cells across of the middle octave
COARSEST = DETAIL / 32  # cells across of the first octave
FINEST = DETAIL * 8  # cells across of the last octave
STRENGTH = 0.25  # standard deviation of the coarsest octave
FADING = 0.6  # strength of an octave, as a part of the next coarser one's


def rows() -> list[dict[str, object]]:
    """Measure building the levels, the full frame and the moving one, for each count and camera."""
    table: list[dict[str, object]] = []
    for count in COUNTS:
        splats, own = photo_like_scene(count)
        splats = splats.with_(colors=_picture(splats, own))
        levels, building = _built(splats)
        table.append(building)
        for size in SIZES:
            for camera, view in _cameras(own.resized(*size)):
                table += _pair(splats, levels, camera, view)
    return table


def _built(splats: Splats) -> tuple[Levels, dict[str, object]]:
    """Build the levels once, cold, and return them with the row that tells what they cost."""
    made: list[Levels] = []
    building = timing.measure_first(lambda: made.append(build_levels(splats)))
    [levels] = made
    arrays = [array for array in vars(splats).values() if isinstance(array, np.ndarray)]
    share = levels.nbytes / sum(array.nbytes for array in arrays)
    return levels, {
        "splats": len(splats),
        "build_cpu_ms": milliseconds(building.cpu),
        "build_wall_ms": milliseconds(building.wall),
        "memory_of_scene": round(share, 2),
    }


def _cameras(own: View) -> list[tuple[str, View]]:
    """Return the photo's camera, one beside it, one ahead of it and one behind it."""
    ahead = own.world_from_camera.copy()
    ahead[1, 3] += AHEAD
    behind = own.world_from_camera.copy()
    behind[1, 3] -= BEHIND
    return [
        ("photo's", own),
        ("moved", shifted(own)),
        ("ahead", replace(own, world_from_camera=ahead)),
        ("behind", replace(own, world_from_camera=behind)),
    ]


def _pair(splats: Splats, levels: Levels, camera: str, view: View) -> list[dict[str, object]]:
    """Measure the full frame, and the moving one against it."""
    full = RenderOptions()
    moving = RenderOptions(moving=True)
    full_color = render(splats, view, full, levels=levels).color
    moving_color = render(splats, view, moving, levels=levels).color
    everywhere = np.ones(full_color.shape[:2], bool)
    decibels = psnr(np.clip(moving_color, 0, 1), np.clip(full_color, 0, 1), everywhere)
    return [
        _row(splats, levels, camera, view, full) | {"psnr_db": ""},
        _row(splats, levels, camera, view, moving) | {"psnr_db": round(decibels, 1)},
    ]


def _row(
    splats: Splats,
    levels: Levels,
    camera: str,
    view: View,
    options: RenderOptions,
) -> dict[str, object]:
    frame = timing.measure(lambda: render(splats, view, options, levels=levels))
    return {
        "splats": len(splats),
        "width": view.width,
        "height": view.height,
        "camera": camera,
        "mode": "moving" if options.moving else "full",
        "threads": os.cpu_count(),
        "cpu_ms": milliseconds(frame.cpu),
        "wall_ms": milliseconds(frame.wall),
    }


def _picture(splats: Splats, view: View) -> np.ndarray:
    """Return colours (N, 3) of a picture of noise that survives when splats are merged."""
    width, height = PICTURE_SIZE
    random = np.random.default_rng(1)
    picture = np.full((height, width, 3), 0.5)
    cells = COARSEST
    strength = STRENGTH
    while cells <= FINEST:
        noise = random.normal(size=(max(2, round(cells * 9 / 16)), max(2, round(cells)), 3))
        picture += strength * cv2.resize(noise, PICTURE_SIZE, interpolation=cv2.INTER_CUBIC)
        cells *= 2
        strength *= FADING

    # each splat has the colour of the pixel that shows it
    pixels, _ = view.resized(width, height).project(splats.positions)
    column = np.clip(pixels[:, 0].astype(int), 0, width - 1)
    row = np.clip(pixels[:, 1].astype(int), 0, height - 1)
    return np.clip(picture[row, column], 0, 1)


if __name__ == "__main__":
    for row in rows():
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
