"""The kernels and their NumPy twin draw the same pictures."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import assert_same_bits

from engine import kernels
from engine.camera import View
from engine.geometry import pose, rotation_about
from engine.kernels import twin
from engine.render import ProxyRender, RenderOptions
from engine.render.rasteriser import render
from engine.splats.record import Splats

NEAR = 0.01
SURE = 2e-3  # how closely the two agree in every pass of every pixel, but for the pixels of `thresholds`
BUILDS = 1e-5  # and the library's builds among each other
FAINTEST = 1e-3  # relative; so near 1/255 float32 may or may not draw a splat
LAST_LIGHT = 1e-2  # relative; so near the last light float32 may or may not finish a pixel, as 1 - 0.999 has few digits
STRAY = 1.1 / 255  # what one splat drawn or not changes


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
    return View(
        focal,
        focal * random.uniform(0.9, 1.1),
        *centre,
        width,
        height,
        pose(turn, random.uniform(-0.5, 0.5, 3)),
    )


def lead(splats: Splats, view: View, antialiased: bool) -> np.ndarray:
    """By how much the heaviest weight of each pixel leads the second, (H, W)."""
    sums = twin.accumulate(vars(splats), view, NEAR, antialiased)
    return sums["weight"] - sums["second"]


def thresholds(splats: Splats, view: View, options: RenderOptions) -> list[ProxyRender]:
    """The twin's pictures, with the two steps of the formulas where they are and a hair lower and higher."""
    pictures = []
    for way in (0, -1, 1):
        for other in (0, -1, 1):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(twin, "NOTHING_ALPHA", twin.NOTHING_ALPHA * (1 + way * FAINTEST))
                patch.setattr(twin, "MIN_LIGHT", twin.MIN_LIGHT * (1 + other * LAST_LIGHT))
                pictures.append(render(splats, view, options))
    return pictures


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 120),
    spread=st.sampled_from([0.02, 0.2, 1.0]),
    size=st.sampled_from([(40, 24), (33, 17), (70, 9), (5, 50)]),
    antialiased=st.booleans(),
)
def test_kernels_equal_their_twin(seed, count, spread, size, antialiased):
    random = np.random.default_rng(seed)
    splats, view = scene(random, count, spread), camera(random, *size)
    usual = {
        "photo_position": tuple(random.uniform(-1, 1, 3)),
        "near": NEAR,
        "antialiased": antialiased,
    }
    fast = render(splats, view, RenderOptions(**usual))
    slow, *moved = thresholds(splats, view, RenderOptions(**usual, twin=True))
    sure = np.ones(slow.alpha.shape, bool)
    for name in ("color", "alpha", "confidence"):
        known, others = (
            getattr(slow, name),
            np.stack([getattr(picture, name) for picture in (slow, *moved)]),
        )
        steady = np.ptp(others, axis=0) <= 1e-6
        sure &= steady.reshape(*sure.shape, -1).all(axis=2)
        within = np.clip(
            getattr(fast, name), others.min(axis=0) - 1.5 * STRAY, others.max(axis=0) + 1.5 * STRAY
        )
        np.testing.assert_array_equal(
            within, getattr(fast, name), err_msg=name
        )  # colours reach 1.5
        difference = np.abs(getattr(fast, name) - known).reshape(*sure.shape, -1).max(axis=2)
        assert difference[sure].max(initial=0) <= SURE, name
    assert (~sure).sum() <= 2 + 0.05 * sure.size
    there = sure & (slow.alpha > 2 / 255)
    np.testing.assert_allclose(fast.depth[there], slow.depth[there], rtol=SURE)
    np.testing.assert_allclose(fast.normal[there], slow.normal[there], atol=2e-2)
    clear = there & (lead(splats, view, antialiased) > 1e-4)
    np.testing.assert_array_equal(fast.region[clear], slow.region[clear])
    np.testing.assert_array_equal(fast.origin[clear], slow.origin[clear])


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    threads=st.integers(2, 7),
    antialiased=st.booleans(),
    color_only=st.booleans(),
)
def test_one_and_many_threads_draw_the_same_bits(seed, threads, antialiased, color_only):
    random = np.random.default_rng(seed)
    splats, view = scene(random, 1500, 0.2), camera(random, 150, 90)
    splats = splats.with_(positions=np.round(splats.positions, 1))  # many equal depths
    options = RenderOptions(antialiased=antialiased, color_only=color_only, threads=1)
    assert_same_bits(
        render(splats, view, options), render(splats, view, replace(options, threads=threads))
    )


@pytest.fixture
def build(monkeypatch):
    """A function that makes the next frames with the build of that name."""

    def use(name: str) -> None:
        monkeypatch.setenv("ANCHORSTAGE_KERNELS", name)
        kernels.load.cache_clear()

    yield use
    monkeypatch.undo()
    kernels.load.cache_clear()


@pytest.mark.parametrize("antialiased", [False, True])
def test_every_build_draws_the_same_picture(build, antialiased):
    """The wide vectors of v3 round some sums once where the plain ones round twice; nothing else tells them apart."""
    build("plain")
    if not kernels.load().anchorstage_runs_v3():
        pytest.skip("this processor runs one build only")
    random = np.random.default_rng(4)
    splats, view = scene(random, 2000, 0.2), camera(random, 200, 120)
    options = RenderOptions(photo_position=(1.0, 0.0, 0.0), antialiased=antialiased)
    plain = render(splats, view, options)
    build("v3")
    quick = render(splats.with_(), view, options)  # a copy, so that it is prepared anew
    strays = np.zeros(plain.alpha.shape, bool)
    for name in ("color", "alpha", "confidence"):
        difference = (
            np.abs(getattr(plain, name) - getattr(quick, name))
            .reshape(*strays.shape, -1)
            .max(axis=2)
        )
        assert difference.max() <= 1.5 * STRAY, name
        strays |= difference > BUILDS
    assert (
        strays.sum() <= 1e-3 * strays.size
    )  # where a splat is as faint as 1/255 to the last digit
    for name in ("region", "origin"):
        assert (getattr(plain, name)[~strays] != getattr(quick, name)[~strays]).mean() < 1e-3, name
