"""Renders random and awkward scenes with the kernels of a given folder; run by test_sanitizers.py as a program."""

import sys
from pathlib import Path

import numpy as np

from engine import kernels
from engine.camera import View
from engine.geometry import pose, rotation_about
from engine.render import RenderOptions, render
from engine.splats.record import Splats

SIZES = [(1, 1), (7, 5), (32, 16), (33, 17), (257, 3), (3, 257), (160, 90)]  # tiles are 32 by 16 pixels
COUNTS = [0, 1, 7, 8, 9, 200, 3000]  # kernels take eight at a time
NASTY = [np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-38, 0.0, -1.0]


def scene(random: np.random.Generator, count: int) -> Splats:
    """Splats all around the camera, of all sizes, transparent to opaque."""
    return Splats(
        positions=random.uniform(-4, 8, (count, 3)),
        scales=np.exp(random.uniform(-9, 2, (count, 3))),
        rotations=random.normal(size=(count, 4)),
        opacities=random.uniform(0, 1, count),
        colors=random.uniform(0, 2, (count, 3)),
        confidence=random.uniform(0, 1, count),
        region=random.integers(-1, 9, count),
        origin=random.integers(0, 5, count),
    )


def spoilt(random: np.random.Generator, splats: Splats) -> Splats:
    """The same with numbers that no scene should hold."""
    for name in ("positions", "scales", "rotations", "opacities", "colors", "confidence"):
        values = getattr(splats, name).reshape(-1)
        where = random.random(values.size) < 0.05
        values[where] = random.choice(NASTY, where.sum())
    return splats


def camera(random: np.random.Generator, width: int, height: int) -> View:
    """Wide to long, looking anywhere."""
    turn = rotation_about(random.normal(size=3), random.uniform(0, 3))
    focal = width * np.exp(random.uniform(-2, 3))
    return View(focal, focal, width / 2, height * random.uniform(-1, 2), width, height, pose(turn, random.uniform(-1, 1, 3)))


def main(libraries: Path) -> int:
    """Render; the sanitizer ends the process where a kernel does wrong."""
    kernels.LIBRARIES = libraries
    random = np.random.default_rng(1)
    drawn = 0
    with np.errstate(all="ignore"):
        for index, (width, height) in enumerate(SIZES):
            for count in COUNTS:
                splats = scene(random, count)
                splats = spoilt(random, splats) if (index + count) % 2 else splats
                options = RenderOptions(color_only=count == 9, threads=2, photo_position=None if index % 2 else (0.0, 0.0, 1.0))
                drawn += int(render(splats, camera(random, width, height), options).alpha.shape == (height, width))
    return 0 if drawn == len(SIZES) * len(COUNTS) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
