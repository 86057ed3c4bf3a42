"""Forward timings of the rasteriser: `rows()` for the whole benchmark, or run it alone."""

import os
import time
from dataclasses import replace

import numpy as np

from engine.camera import View
from engine.geometry import LOOK_ALONG_Y, pose, rotation_about
from engine.render import RenderOptions, render
from engine.splats.record import Splats

SIZE = 1280, 720
COUNTS = 100_000, 300_000, 500_000, 1_000_000
PEER_COUNT, PEER_SIZE = 20_000, (320, 180)  # the NumPy rasteriser takes minutes for more
REPEATS = 5
SIGMA_PX = 0.6  # of the source grid


def photo_like_scene(count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> tuple[Splats, View]:
    """About `count` pixel-aligned splats of a depth map with a floor, a wall and two boxes before it, and their view.

    Returns:
        The splats, tangent discs of `SIGMA_PX` source pixels, and the photo's own view of `size`.
    """
    height = round((count * size[1] / size[0]) ** 0.5)
    width = count // height
    focal = 0.9 * width
    grid = View(focal, focal, width / 2, height / 2, width, height, pose(LOOK_ALONG_Y, np.array([0, 0, 1.6])))
    rays = grid.rays()
    depth = np.minimum(1.6 / np.maximum(rays[..., 1], 1e-6), 12.0) + 0.3 * np.sin(6 * rays[..., 0])
    for left, right, distance in ((-0.35, -0.15, 3.0), (0.05, 0.3, 5.0)):
        inside = (rays[..., 0] > left) & (rays[..., 0] < right) & (rays[..., 1] > -0.15)
        depth = np.where(inside, np.minimum(depth, distance), depth)
    random = np.random.default_rng(seed)
    total = depth.size
    footprint = (SIGMA_PX * depth / focal).reshape(-1, 1)
    splats = Splats(
        positions=grid.unproject(depth).reshape(-1, 3),
        scales=footprint * [1, 1, 0.15],
        rotations=np.tile([np.sqrt(0.5), np.sqrt(0.5), 0, 0], (total, 1)),  # the disc's normal along -Y, to the eye
        opacities=random.uniform(0.9, 0.99, total),
        colors=random.uniform(0, 1, (total, 3)),
        confidence=random.uniform(0, 1, total),
        region=random.integers(-1, 8, total),
        origin=np.zeros(total),
    )
    return splats, grid.resized(*size)


def shifted(view: View) -> View:
    """A view half a metre to the right and turned by 5 degrees."""
    move = pose(rotation_about(np.array([0, 0, 1.0]), np.radians(5)), np.array([0.5, 0.0, 0.1]))
    return View(view.fx, view.fy, view.cx, view.cy, view.width, view.height, move @ view.world_from_camera)


def best_seconds(splats: Splats, view: View, options: RenderOptions) -> tuple[float, float]:
    """Wall and CPU seconds of all threads, each the least of REPEATS frames after one that prepares the scene."""
    render(splats, view, options)
    wall, cpu = [], []
    for _ in range(REPEATS):
        start = time.perf_counter(), time.process_time()
        render(splats, view, options)
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return min(wall), min(cpu)


def rows() -> list[dict[str, object]]:
    """One row for each count, camera and set of passes; first a small scene against the straightforward NumPy rasteriser."""
    splats, view = photo_like_scene(PEER_COUNT, PEER_SIZE)
    options = RenderOptions(color_only=True)
    wall, cpu = best_seconds(splats, view, options)
    table = [_row(splats, view, "photo's", "colour, depth, alpha", wall, cpu, _peer_seconds(splats, view, options))]
    for count in COUNTS:
        splats, own = photo_like_scene(count)
        for camera, view in (("photo's", own), ("moved", shifted(own))):
            for passes, options in (("colour, depth, alpha", RenderOptions(color_only=True)), ("all", RenderOptions())):
                wall, cpu = best_seconds(splats, view, options)
                table.append(_row(splats, view, camera, passes, wall, cpu, None))
    return table


def _row(
    splats: Splats, view: View, camera: str, passes: str, wall: float, cpu: float, peer: float | None
) -> dict[str, object]:
    return {
        "splats": len(splats),
        "width": view.width,
        "height": view.height,
        "camera": camera,
        "passes": passes,
        "threads": os.cpu_count(),
        "cpu_ms": round(cpu * 1000, 1),
        "wall_ms": round(wall * 1000, 1),
        "fps": round(1 / wall, 1),
        "peer": "NumPy twin" if peer else "",
        "ratio": round(peer / wall, 1) if peer else "",
    }


def _peer_seconds(splats: Splats, view: View, options: RenderOptions) -> float:
    start = time.perf_counter()
    render(splats, view, replace(options, twin=True))
    return time.perf_counter() - start


if __name__ == "__main__":
    for row in rows():
        print("  ".join(f"{name} {value}" for name, value in row.items()))
