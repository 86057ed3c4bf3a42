"""The kernels and their NumPy twin draw the same pictures."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import kernels
from engine.camera import View
from engine.geometry import pose, rotation_about
from engine.kernels import rasterise, twin
from engine.render import ProxyRender, RenderOptions, render
from engine.splats.record import Splats

NEAR = 0.01
TOLERANCE = 1e-4
STRAYS = 0.003  # of the pixels: where a splat lies within float32 of 1/255 or a pixel within float32 of finished
STRAY = 1.1 / 255  # what such a splat can change


def scene(random: np.random.Generator, count: int, spread: float) -> Splats:
    return Splats(
        positions=random.uniform([-3, -3, -1], [3, 3, 9], (count, 3)),
        scales=np.exp(random.uniform(np.log(spread / 30), np.log(spread), (count, 3))),
        rotations=random.normal(size=(count, 4)),
        opacities=random.beta(1.5, 0.7, count),
        colors=random.uniform(0, 1.5, (count, 3)),
        confidence=random.uniform(0, 1, count),
        region=random.integers(-1, 6, count),
        origin=random.integers(0, 5, count),
    )


def camera(random: np.random.Generator, width: int, height: int) -> View:
    turn = rotation_about(random.normal(size=3), random.uniform(0, 0.4))
    focal = random.uniform(0.5, 2) * width
    centre = random.uniform(0.3, 0.7, 2) * (width, height)
    return View(focal, focal * random.uniform(0.9, 1.1), *centre, width, height, pose(turn, random.uniform(-0.5, 0.5, 3)))


def lead(splats: Splats, view: View) -> np.ndarray:
    """By how much the heaviest weight of each pixel leads the second, (H, W)."""
    sums = twin.accumulate(vars(splats), view, NEAR)
    return sums["weight"] - sums["second"]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 120), spread=st.sampled_from([0.02, 0.2, 1.0]),
    size=st.sampled_from([(40, 24), (33, 17), (70, 9), (5, 50)]),
)  # fmt: skip
def test_kernels_equal_their_twin(seed, count, spread, size):
    random = np.random.default_rng(seed)
    splats, view = scene(random, count, spread), camera(random, *size)
    eye = tuple(random.uniform(-1, 1, 3))
    fast = render(splats, view, RenderOptions(photo_position=eye, near=NEAR))
    slow = render(splats, view, RenderOptions(photo_position=eye, near=NEAR, twin=True))
    strays = np.zeros(fast.alpha.shape, bool)
    for name in ("color", "alpha", "confidence"):
        difference = np.abs(getattr(fast, name) - getattr(slow, name)).reshape(*strays.shape, -1).max(axis=2)
        assert difference.max() <= STRAY * 1.5, name  # colours reach 1.5
        strays |= difference > TOLERANCE
    assert strays.sum() <= 1 + STRAYS * strays.size
    sure = ~strays & (slow.alpha > 2 / 255)
    np.testing.assert_allclose(fast.depth[sure], slow.depth[sure], rtol=1e-4)
    np.testing.assert_allclose(fast.normal[sure], slow.normal[sure], atol=2e-2)
    clear = sure & (lead(splats, view) > 1e-4)
    np.testing.assert_array_equal(fast.region[clear], slow.region[clear])
    np.testing.assert_array_equal(fast.origin[clear], slow.origin[clear])


@pytest.fixture
def build(monkeypatch):
    """A function that makes the next frames with the build of that name."""

    def use(name: str) -> None:
        monkeypatch.setenv("ANCHORSTAGE_KERNELS", name)
        kernels.load.cache_clear()
        rasterise._library.cache_clear()

    yield use
    monkeypatch.undo()
    kernels.load.cache_clear()
    rasterise._library.cache_clear()


def test_every_build_draws_the_same_bits(build):
    build("plain")
    if not kernels.load().anchorstage_runs_v3():
        pytest.skip("this processor runs one build only")
    random = np.random.default_rng(4)
    splats, view = scene(random, 2000, 0.2), camera(random, 200, 120)
    options = RenderOptions(photo_position=(1.0, 0.0, 0.0))
    plain = render(splats, view, options)
    build("v3")
    quick = render(splats.with_(), view, options)  # a copy, so that it is prepared anew
    for name in (field.name for field in fields(ProxyRender) if field.name != "view"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(quick, name), err_msg=name)
