"""Frames while the camera moves: time and PSNR against the full render; `rows()` for the whole benchmark, or run it alone."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from benchmarks.scenes import photo_like_scene, shifted
from engine.camera import View
from engine.render import RenderOptions
from engine.render.levels import Levels
from engine.render.levels.build import build_levels
from engine.render.rasteriser import render
from engine.splats.record import Splats

COUNTS = 300_000, 1_000_000, 3_000_000, 5_000_000
SIZES = (1280, 720), (1920, 1080)
REPEATS = 5
DETAIL = 160  # cells across of the coarsest noise in the pictures on the splats; each octave halves them at 0.6 the strength


def rows() -> list[dict[str, object]]:
    """For each count and camera: building the levels, the full frame and the moving one, all passes."""
    table: list[dict[str, object]] = []
    for count in COUNTS:
        splats, own = photo_like_scene(count)
        splats = splats.with_(colors=_picture(splats, own))
        built, wall, cpu = _best(lambda splats=splats: build_levels(splats), 1)
        share = built.nbytes / sum(
            array.nbytes for array in vars(splats).values() if isinstance(array, np.ndarray)
        )
        table.append(
            {
                "splats": len(splats),
                "build_cpu_ms": cpu,
                "build_wall_ms": wall,
                "memory_of_scene": round(share, 2),
            }
        )
        for size in SIZES:
            for camera, view in _cameras(own.resized(*size)):
                table += _pair(splats, built, camera, view)
    return table


def _cameras(own: View) -> list[tuple[str, View]]:
    """The photo's camera, one beside it, one 1.5 metres ahead and one 6 metres behind."""
    ahead, behind = own.world_from_camera.copy(), own.world_from_camera.copy()
    ahead[1, 3] += 1.5
    behind[1, 3] -= 6
    return [
        ("photo's", own),
        ("moved", shifted(own)),
        ("ahead", replace(own, world_from_camera=ahead)),
        ("behind", replace(own, world_from_camera=behind)),
    ]


def _pair(splats: Splats, levels: Levels, camera: str, view: View) -> list[dict[str, object]]:
    """The full frame and the moving one."""
    found: list[dict[str, object]] = []
    truth: np.ndarray | None = None
    for mode, options in (("full", RenderOptions()), ("moving", RenderOptions(moving=True))):
        render(splats, view, options, levels=levels)
        picture, wall, cpu = _best(
            lambda options=options: render(splats, view, options, levels=levels), REPEATS
        )
        truth = picture.color if truth is None else truth
        row: dict[str, object] = {
            "splats": len(splats),
            "width": view.width,
            "height": view.height,
            "camera": camera,
        }
        row |= {"mode": mode, "threads": os.cpu_count(), "cpu_ms": cpu, "wall_ms": wall}
        found.append(
            row | {"psnr_db": "" if mode == "full" else round(_psnr(picture.color, truth), 1)}
        )
    return found


def _best(work: Callable[[], Any], repeats: int) -> tuple[Any, float, float]:
    """The result, and milliseconds of wall and of CPU on all threads, each the least."""
    wall, cpu, result = [], [], None
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        result = work()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return result, round(min(wall) * 1000, 1), round(min(cpu) * 1000, 1)


def _picture(splats: Splats, view: View) -> np.ndarray:
    """(N, 3) colours of a picture with detail of every size, as photos have, in place of noise that nothing can shrink."""
    random = np.random.default_rng(1)
    picture, cells, strength = np.full((720, 1280, 3), 0.5), DETAIL / 32, 0.25
    while cells <= DETAIL * 8:
        noise = random.normal(size=(max(2, round(cells * 9 / 16)), max(2, round(cells)), 3))
        picture += strength * cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC)
        cells, strength = cells * 2, strength * 0.6
    pixels, _ = view.resized(1280, 720).project(splats.positions)
    column, row = (
        np.clip(pixels[:, i].astype(int), 0, size - 1) for i, size in enumerate((1280, 720))
    )
    return np.clip(picture[row, column], 0, 1)


def _psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Decibels between two pictures, a white of 1."""
    return float(
        -10 * np.log10(max(np.square(np.clip(first, 0, 1) - np.clip(second, 0, 1)).mean(), 1e-12))
    )


if __name__ == "__main__":
    for row in rows():
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
