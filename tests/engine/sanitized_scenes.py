"""Renders random and awkward scenes with the kernels of a given folder; run by test_sanitizers.py as a program."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from engine import kernels
from engine.camera import View
from engine.geometry import pose, rotation_about
from engine.kernels import enlarge
from engine.render import RenderOptions
from engine.render.rasteriser import render
from engine.splats.record import Splats

SIZES = [
    (1, 1),
    (7, 5),
    (32, 16),
    (33, 17),
    (257, 3),
    (3, 257),
    (160, 90),
]  # tiles are 32 by 16 pixels
THREADS = [1, 2, 7]
COUNTS = [0, 1, 7, 8, 9, 200, 3000]  # kernels take eight at a time
PARAMETERS = (
    "positions",
    "scales",
    "rotations",
    "opacities",
    "colors",
    "confidence",
)  # of splats, real numbers
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
    for name in PARAMETERS:
        values = getattr(splats, name).reshape(-1)
        where = random.random(values.size) < 0.05
        values[where] = random.choice(NASTY, where.sum())
    return splats


def camera(random: np.random.Generator, width: int, height: int) -> View:
    """Wide to long, looking anywhere."""
    turn = rotation_about(random.normal(size=3), random.uniform(0, 3))
    focal = width * np.exp(random.uniform(-2, 3))
    return View(
        focal,
        focal,
        width / 2,
        height * random.uniform(-1, 2),
        width,
        height,
        pose(turn, random.uniform(-1, 1, 3)),
    )


def strange_cameras(random: np.random.Generator) -> list[View]:
    """Lenses and places that float32 holds badly or not at all."""
    here, away = (
        pose(np.eye(3), random.uniform(-1, 1, 3)),
        pose(np.eye(3), np.array([1e7, -1e30, 1e300])),
    )
    views = [
        View(focal, focal, 20, 12, 40, 24, here)
        for focal in (1e-300, 1e-6, 9.0, 1400.0, 1e9, 1e300)
    ]
    views += [View(30, 30, shift, -shift, 33, 17, here) for shift in (-40.0, 1e5, 1e10, -1e300)]
    return [*views, View(30, 1e-30, 20, 12, 40, 24, here), View(30, 30, 20, 12, 40, 24, away)]


def draw_sizes(random: np.random.Generator) -> Iterator[bool]:
    """Every size with every count; good and spoilt scenes, all passes and colour alone, one thread and many."""
    for index, (width, height) in enumerate(SIZES):
        for count in COUNTS:
            splats = scene(random, count)
            splats = spoilt(random, splats) if (index + count) % 2 else splats
            options = RenderOptions(
                color_only=count == 9,
                threads=THREADS[(index + count) % len(THREADS)],
                antialiased=index % 3 == 1,
                photo_position=None if index % 2 else (0.0, 0.0, 1.0),
            )
            yield render(splats, camera(random, width, height), options).alpha.shape == (
                height,
                width,
            )


def draw_strange(random: np.random.Generator) -> Iterator[bool]:
    """Every strange camera, with both filters, before good and spoilt scenes; the eye among them."""
    for view in strange_cameras(random):
        for antialiased in (False, True):
            splats = scene(random, 500)
            splats = spoilt(random, splats) if antialiased else splats
            picture = render(
                splats,
                view,
                RenderOptions(antialiased=antialiased, near=0.0, photo_position=(1e300, 0, 0)),
            )
            yield bool(np.isfinite(picture.color).all())


def draw_harmonics(random: np.random.Generator) -> Iterator[bool]:
    """Colours that change with the direction, of every degree, some of them no numbers."""
    for count, coefficients in ((9, 3), (700, 8), (700, 15)):
        sh = random.normal(size=(count, coefficients, 3)).astype(np.float32)
        sh[random.random(sh.shape) < 0.02] = np.nan
        splats = scene(random, count).with_(sh=sh)
        yield bool(
            np.isfinite(
                render(splats, camera(random, 70, 40), RenderOptions(threads=2)).color
            ).all()
        )


def follow_gradients(random: np.random.Generator) -> Iterator[bool]:
    """The backward kernels, through torch as they are used; good and spoilt scenes, both filters."""
    import torch

    from engine.render.differentiable import rasterise

    for index, (width, height) in enumerate(SIZES):
        splats = scene(random, COUNTS[index])
        splats = spoilt(random, splats) if index % 2 else splats
        inputs = [
            torch.from_numpy(getattr(splats, name).copy()).requires_grad_()
            for name in PARAMETERS[:5]
        ]
        view = camera(random, width, height)
        color, depth, alpha = rasterise(
            *inputs, view, antialiased=index % 3 == 1, threads=THREADS[index % len(THREADS)]
        )
        (color.sum() + alpha.sum() + depth[torch.isfinite(depth)].sum()).backward()
        yield all(bool(torch.isfinite(tensor.grad).all()) for tensor in inputs)


def join_edges(random: np.random.Generator) -> Iterator[bool]:
    """Depth maps enlarged, of one cell and one pixel too, and larger than their picture."""
    for height, width, h, w in ((1, 1, 1, 1), (1, 90, 3, 1), (70, 51, 9, 13), (5, 6, 20, 30)):
        colours = random.uniform(0, 1, (height, width, 3)).astype(np.float32)
        out, parted = (
            np.zeros((height, width), np.float32),
            (random.random((h, w)) < 0.8).astype(np.uint8),
        )
        cells = random.normal(size=(h, w)).astype(np.float32)
        enlarge.enlarge(
            range(height),
            colours,
            cells,
            random.uniform(0, 1, (h, w, 3)).astype(np.float32),
            parted,
            out,
        )
        yield bool(np.isfinite(out).all())


def main(libraries: Path) -> int:
    """Draw everything; the sanitizer ends the process where a kernel does wrong."""
    kernels.LIBRARIES = libraries
    random = np.random.default_rng(1)
    parts = [draw_sizes, draw_strange, draw_harmonics, join_edges]
    if find_spec("torch"):
        parts.append(follow_gradients)
    with np.errstate(all="ignore"):
        for part in parts:
            good = list(part(random))
            print(part.__name__, f"{sum(good)} of {len(good)}")
            if not good or not all(good):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
