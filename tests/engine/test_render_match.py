"""`match_photo` brings the render nearer to the photo."""

import numpy as np
import pytest

from engine.camera import View
from engine.errors import ArgumentError, Cancelled
from engine.geometry import LOOK_ALONG_Y, pose
from engine.progress import Progress
from engine.render import RenderOptions
from engine.render.match import match_photo
from engine.render.rasteriser import render
from engine.splats.record import Splats

WIDTH, HEIGHT = 64, 40
VIEW = View(60, 60, 32, 20, WIDTH, HEIGHT, pose(LOOK_ALONG_Y, np.array([0, 0, 1.6])))
ROWS = np.arange(WIDTH * HEIGHT, dtype=np.int32).reshape(HEIGHT, WIDTH)


def photo(upper: float = 1.0) -> np.ndarray:
    """Smooth shapes with a few hard edges and fine stripes."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / 10.0
    picture = np.stack(
        [
            0.5 + 0.4 * np.sin(x * y),
            0.5 + 0.3 * np.cos(3 * x),
            (x > 3) * 0.7 + 0.1 * (y % 0.4 > 0.2),
        ],
        axis=-1,
    )
    return (picture * upper).astype(np.float32)


def lifted(target: np.ndarray) -> Splats:
    """One disc a pixel on a wall 4 m away."""
    count = target.shape[0] * target.shape[1]
    return Splats(
        positions=VIEW.unproject(np.full((HEIGHT, WIDTH), 4.0)).reshape(-1, 3),
        scales=np.tile(0.55 * 4 / 60 * np.array([1, 0.1, 1]), (count, 1)),
        rotations=np.tile([1.0, 0, 0, 0], (count, 1)),
        opacities=np.full(count, 0.99),
        colors=target.reshape(-1, 3).copy(),
        confidence=np.ones(count),
        region=np.full(count, -1),
        origin=np.zeros(count),
    )


def psnr(splats: Splats, target: np.ndarray) -> float:
    picture = render(splats, VIEW, RenderOptions(color_only=True))
    return float(-10 * np.log10(np.mean((picture.color - target)[ROWS >= 0] ** 2)))


@pytest.mark.parametrize("upper", [1.0, None])
def test_psnr_rises_by_five_decibels(upper):
    target = photo(1.0 if upper else 4.0)
    before = lifted(target)
    after = match_photo(before, VIEW, target, ROWS, upper=upper)
    assert psnr(after, target) > psnr(before, target) + 5
    assert after.colors.min() >= 0
    assert upper is None or after.colors.max() <= upper
    for name in ("positions", "scales", "rotations", "opacities", "confidence", "region", "origin"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_more_iterations_are_never_worse():
    target = photo()
    quality = [
        psnr(match_photo(lifted(target), VIEW, target, ROWS, iterations=n), target)
        for n in range(6)
    ]
    assert quality == sorted(quality)
    assert quality[0] == psnr(lifted(target), target)


def test_pixels_without_a_splat_and_splats_of_many_pixels():
    target = photo()
    rows = ROWS // 4
    rows[:, 40:] = -1
    splats = lifted(target)
    after = match_photo(splats, VIEW, target, rows.astype(np.int32))
    untouched = np.setdiff1d(np.arange(len(splats)), rows)
    np.testing.assert_array_equal(after.colors[untouched], splats.colors[untouched])


def test_damaged_pixels_do_not_spread():
    target = photo()
    splats = lifted(target)
    target[3, 5] = np.nan
    assert np.isfinite(match_photo(splats, VIEW, target, ROWS).colors).all()


def test_it_refuses_what_does_not_fit_and_stops_where_cancelled():
    target = photo()
    splats = lifted(target)
    with pytest.raises(ArgumentError):
        match_photo(splats, VIEW, target[:-1], ROWS)
    with pytest.raises(ArgumentError):
        match_photo(splats, VIEW, target, ROWS + 1)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        match_photo(splats, VIEW, target, ROWS, progress=progress)


def test_what_is_spilled_onto_keeps_its_colour_nearly_and_the_rest_is_free():
    target = photo()
    before = lifted(target).with_(colors=np.full_like(lifted(target).colors, 0.5))
    spilled = np.flatnonzero(ROWS.ravel() >= 0)[::3]
    after = match_photo(before, VIEW, target, ROWS, spilled=spilled)
    moved = np.abs(after.colors - before.colors).max(axis=1)
    rows = ROWS.ravel()[spilled]
    shown = target.reshape(-1, 3)[spilled]
    assert (after.colors[rows] >= np.minimum(0.5, shown) - 0.1 - 1e-6).all()
    assert (after.colors[rows] <= np.maximum(0.5, shown) + 0.1 + 1e-6).all()
    assert moved[~np.isin(np.arange(len(before)), rows)].max() > 0.3
