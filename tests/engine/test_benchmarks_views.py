"""Measures of pictures, what a photo never saw, and novel views, against formulas, geometry and ray-cast truth."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import raycast
from benchmark_pictures import ALL, MOVED, photo_of, pixels, sample, taken
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip(
    "torch", reason="the benchmarks' environment has torch; `python build.py test` sets it up"
)

from benchmarks import (
    depth_sources,
    image_metrics,
    measured,
    novel_views,
)
from engine.depth import DepthOptions
from engine.geometry import rotation_about
from engine.render import RenderOptions
from engine.render.rasteriser import render


def test_psnr_is_that_of_a_constant_difference():
    true = np.full((48, 64, 3), 0.5, np.float32)
    assert image_metrics.psnr(true + np.float32(0.1), true, ALL) == pytest.approx(20, abs=1e-4)
    assert image_metrics.psnr(true, true, ALL) == 100


@pytest.mark.parametrize(
    ("measure", "best", "better"),
    [
        (image_metrics.psnr, 100, np.greater),
        (image_metrics.ssim, 1, np.greater),
        (image_metrics.ms_gmsd, 0, np.less),
    ],
)
def test_a_measure_is_best_for_the_same_picture_and_worse_the_more_is_wrong(measure, best, better):
    true = raycast.shoot(raycast.street(), raycast.camera(64, 48, 50)).colours
    noise = np.random.default_rng(1).normal(0, 1, true.shape).astype(np.float32)
    values = [
        measure(true + np.float32(strength) * noise, true, ALL) for strength in (0, 0.02, 0.08, 0.3)
    ]
    assert values[0] == pytest.approx(best, abs=1e-6)
    assert all(better(first, second) for first, second in pairwise(values))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_does_not_count_does_not_count(seed):
    true, picture, other = pixels(seed), pixels(seed + 1), pixels(seed + 2)
    counts = np.random.default_rng(seed).uniform(size=ALL.shape) < 0.7
    changed = np.where(counts[..., None], picture, other)
    for measure in (image_metrics.psnr, image_metrics.ssim, image_metrics.ms_gmsd):
        assert measure(changed, true, counts) == pytest.approx(measure(picture, true, counts))
        assert measure(picture, true, counts) != pytest.approx(
            measure(other, true, counts), rel=1e-9
        )


def test_ssim_of_flat_pictures_is_the_formula():
    dark, light = np.full((48, 64, 3), 0.4, np.float32), np.full((48, 64, 3), 0.6, np.float32)
    c1 = 0.01**2  # without variance the contrast and structure terms are one
    assert image_metrics.ssim(dark, light, ALL) == pytest.approx(
        (2 * 0.4 * 0.6 + c1) / (0.4**2 + 0.6**2 + c1), rel=1e-4
    )


def test_gradients_forgive_brightness_and_not_a_blur_in_one_place():
    true = pixels(3) * np.float32(0.5)
    assert image_metrics.ms_gmsd(true + np.float32(0.2), true, ALL) == pytest.approx(0, abs=1e-4)
    blurred = true.copy()
    blurred[:, :32] = true[:, :32].mean()
    assert image_metrics.ms_gmsd(blurred, true, ALL) > 0.05


def test_a_grain_that_pairs_of_pixels_average_out_is_not_seen_by_the_scales():
    true = raycast.shoot(raycast.street(), raycast.camera(64, 48, 50)).colours * np.float32(
        0.6
    ) + np.float32(0.2)
    y, x = np.mgrid[:48, :64]
    grain, blocks = np.where((x + y) % 2, 0.1, -0.1), np.where((x // 4 + y // 4) % 2, 0.1, -0.1)
    assert image_metrics.ms_gmsd(
        true + grain[..., None].astype(np.float32), true, ALL
    ) == pytest.approx(0, abs=1e-3)
    assert image_metrics.ms_gmsd(true + blocks[..., None].astype(np.float32), true, ALL) > 0.05


def post(x=-0.4, y=4.0, width=0.8, tall=4.0):
    """A board before everything else."""
    return raycast.Wall((x, y, 0), (1, 0, 0), (0, 0, 1), width, tall, "plain", (0.2, 0.3, 0.2))


@pytest.mark.parametrize("right", MOVED)
def test_the_void_is_where_something_stands_between_the_point_and_the_photos_eye(right):
    walls = [*raycast.street(), post()]
    base, moved = taken(walls), taken(walls, right)
    seen = novel_views.seen_by(base.view, base.depth, moved.view, moved.depth)
    expected = _in_sight(walls, base.view, moved)
    assert np.mean(seen.shown != (expected & seen.inside)) <= (0.012 if right else 0)
    assert (~seen.shown).any() == bool(right)


def _in_sight(walls, photo_view, moved):
    """(H, W) bool by another way: no wall cuts the straight line from a point to the photo's eye."""
    far = np.where(np.isfinite(moved.depth), moved.depth, 1e6)
    points, eye, free = moved.view.unproject(far), photo_view.position, np.ones(far.shape, bool)
    for wall in walls:
        u, v, corner = (
            np.array(wall.u, float),
            np.array(wall.v, float),
            np.array(wall.corner, float),
        )
        normal, way = np.cross(u, v), points - eye
        with np.errstate(divide="ignore", invalid="ignore"):
            part = (corner - eye) @ normal / (way @ normal)
            offset = eye + part[..., None] * way - corner
            s, t = offset @ u, offset @ v
        free &= ~(
            (part > 1e-6)
            & (part < 0.999)
            & (s >= 0)
            & (s <= wall.width)
            & (t >= 0)
            & (t <= wall.height)
        )
    return free


def test_a_step_along_a_wall_leaves_the_frame_by_its_disparity():
    wall = [raycast.Wall((-60, 10, -40), (1, 0, 0), (0, 0, 1), 120, 80, "facade", (0.7, 0.6, 0.5))]
    base, moved = taken(wall), taken(wall, right=1.0)
    seen = novel_views.seen_by(base.view, base.depth, moved.view, moved.depth)
    columns = round(base.view.fx * 1.0 / 10)
    assert seen.inside[:, :-columns].all()
    assert not seen.inside[:, -columns:].any()
    assert (seen.shown == seen.inside).all()


def test_the_sky_moves_with_the_eye():
    sky = np.full((12, 16), np.inf, np.float32)
    view = raycast.camera(16, 12, 14)
    pose = view.world_from_camera.copy()
    pose[0, 3] += 5
    assert novel_views.seen_by(view, sky, replace(view, world_from_camera=pose), sky).shown.all()


@pytest.fixture(scope="module")
def street_scenes():
    """A photo, its neighbour, and both sources' splats."""
    base, moved = taken(raycast.street()), taken(raycast.street(), right=0.5)
    photo = photo_of(base)
    floor = depth_sources.floor(photo, DepthOptions(), True)
    truth = depth_sources.truth(base)
    return (
        base,
        moved,
        {found.source: (found, novel_views.lifted(found, photo)) for found in (floor, truth)},
    )


def test_the_true_depth_gives_better_views_than_a_plane(street_scenes):
    base, moved, sources = street_scenes
    rows = {}
    for name, (found, scene) in sources.items():
        drawn = render(
            scene,
            novel_views.moved_view(found.view, base, moved, 1.0),
            RenderOptions(color_only=True),
        )
        rows[name] = novel_views.compared(drawn, base, moved)
    assert rows["truth"]["psnr"] > rows["floor"]["psnr"] + 3
    assert rows["truth"]["ssim"] > rows["floor"]["ssim"]
    assert rows["truth"]["ms_gmsd"] < rows["floor"]["ms_gmsd"]
    assert rows["truth"]["void_percent"] == rows["floor"]["void_percent"] > 0
    for row in rows.values():
        assert row["holes_inside_percent"] <= row["holes_percent"]


def test_a_source_of_another_scale_and_heading_is_moved_in_its_own_unit(street_scenes):
    base, moved, sources = street_scenes
    found, _ = sources["truth"]
    turn = np.eye(4)
    turn[:3, :3] = rotation_about(np.array([0.2, 0.5, 1.0]), 0.7)
    larger = replace(
        found,
        depth=found.depth * 3,
        view=replace(found.view, world_from_camera=turn @ found.view.world_from_camera),
    )
    factor = novel_views.unit_of(larger, base)
    assert factor == pytest.approx(3)
    for point in (
        (0.1, -0.2, 4.0),
        (-1.0, 0.5, 9.0),
    ):  # in the photo's camera: seen at one pixel in both worlds
        true = base.view.world_from_camera @ [*point, 1]
        theirs = larger.view.world_from_camera @ [*(3 * np.array(point)), 1]
        there, _ = moved.view.project(true[:3])
        here, _ = novel_views.moved_view(larger.view, base, moved, factor).project(theirs[:3])
        assert np.allclose(here, there)


def test_rows_are_means_over_scenes_for_each_source_move_and_unit(monkeypatch):
    def row(source, move, unit, psnr):
        return {"set": measured.CYCLES, "source": source, "move": move, "unit": unit, "psnr": psnr}

    scenes = {
        "a": [
            row("builtin", "5 %", "metric", 20.0),
            row("builtin", "5 %", "aligned", 22.0),
            row("truth", "5 %", "metric", 30.0),
        ],
        "b": [row("builtin", "5 %", "metric", 24.0), row("builtin", novel_views.OWN, "", 40.0)],
    }
    monkeypatch.setattr(novel_views, "of_scene", lambda name: scenes[name])
    monkeypatch.setattr(
        novel_views,
        "own_view",
        lambda number: {**row("builtin", novel_views.OWN, "", number), "set": measured.PHOTOS},
    )
    table = novel_views.rows(["a", "b"], [30.0, 36.0])
    found = {
        (row["set"], row["source"], row["move"], row["unit"]): (row["psnr"], row["pictures"])
        for row in table
    }
    assert found == {
        (measured.CYCLES, "builtin", novel_views.OWN, ""): (40.0, 1),
        (measured.PHOTOS, "builtin", novel_views.OWN, ""): (33.0, 2),
        (measured.CYCLES, "builtin", "5 %", "metric"): (22.0, 2),
        (measured.CYCLES, "builtin", "5 %", "aligned"): (22.0, 1),
        (measured.CYCLES, "truth", "5 %", "metric"): (30.0, 1),
    }
    assert json.loads(json.dumps(table)) == table


def test_from_its_own_place_a_photo_is_itself():
    row = novel_views.own_view(sample(taken(raycast.street())))
    assert row["psnr"] > 30


def test_holes_are_grown_over_and_nothing_else_is_touched(street_scenes):
    _, _, sources = street_scenes
    found, scene = sources["truth"]
    drawn = render(scene, found.view, RenderOptions(color_only=True))
    alpha = drawn.alpha.copy()
    alpha[40:60, 50:80] = 0
    torn = replace(drawn, alpha=alpha, color=drawn.color * (alpha > 0)[..., None])
    whole = novel_views.filled(torn)
    assert (whole[40:60, 50:80] > 0).any(axis=-1).all()
    outside = alpha > 0.99
    assert np.allclose(
        whole[outside], np.clip(drawn.color / drawn.alpha[..., None], 0, 1)[outside], atol=1e-5
    )
