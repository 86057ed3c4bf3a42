"""The depth benchmark measures what it says: against numbers worked out by hand, laws, and ray-cast pictures."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import raycast
from benchmark_pictures import photo_of, pixels, sample, taken
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip(
    "torch", reason="the benchmarks' environment has torch; `python build.py test` sets it up"
)

from benchmarks import (
    bench,
    depth_bench,
    depth_metrics,
    depth_sources,
    depth_targets,
    measured,
    plots,
    sheets,
)
from benchmarks.cycles import develop, library
from engine.depth import DepthOptions
from engine.depth.builtin import network
from engine.geometry import rotation_about


def test_errors_are_those_worked_out_by_hand():
    true, depth = np.array([1.0, 1.0, 3.0, 8.0]), np.array([1.0, 2.0, 3.0, 4.0])
    found = depth_metrics.errors(depth, true)
    assert found["abs_rel"] == pytest.approx((0 + 1 + 0 + 0.5) / 4)
    assert found["delta1"] == pytest.approx(2 / 4)
    twice = depth_metrics.errors(2 * depth, true)
    assert twice["abs_rel"] == pytest.approx((1 + 3 + 1 + 0) / 4)
    assert twice["delta1"] == pytest.approx(1 / 4)
    assert (
        twice["abs_rel_aligned"]
        == pytest.approx(found["abs_rel_aligned"])
        == pytest.approx(found["abs_rel"])
    )


@given(scale=st.floats(0.01, 100), seed=st.integers(0, 1000))
def test_a_scale_changes_nothing_after_alignment_and_the_truth_has_no_error(scale, seed):
    true, depth = np.random.default_rng(seed).uniform(1, 50, (2, 40))
    before, after = depth_metrics.errors(depth, true), depth_metrics.errors(scale * depth, true)
    assert after["abs_rel_aligned"] == pytest.approx(before["abs_rel_aligned"])
    assert depth_metrics.errors(scale * true, true)["abs_rel_aligned"] == pytest.approx(0, abs=1e-9)
    assert depth_metrics.errors(true, true) == {
        "abs_rel": 0,
        "delta1": 1,
        "abs_rel_aligned": 0,
        "delta1_aligned": 1,
    }


def test_the_surer_half_counts_equal_confidence_in_part():
    true, depth = np.ones(4), np.array([1.0, 1.2, 1.4, 2.0])
    ranked = depth_metrics.surer_half(depth, np.array([0.9, 0.8, 0.2, 0.1]), true)
    assert ranked["abs_rel_surer"] == pytest.approx((0 + 0.2) / 2)
    # One is surer than the border, two lie on it and share the second place.
    tied = depth_metrics.surer_half(depth, np.array([0.9, 0.5, 0.5, 0.1]), true)
    assert tied["abs_rel_surer"] == pytest.approx((0 + 0.5 * 0.2 + 0.5 * 0.4) / 2)
    assert depth_metrics.surer_half(depth, np.full(4, 0.7), true) == {}


def test_a_silhouette_may_lie_three_pixels_off_and_no_more():
    true, far = np.full((40, 40), 4.0), 10.0
    true[:, 20:] = far
    marks = depth_metrics.steps(true)
    assert marks[:, 19].all()
    assert marks.sum() == 40
    for off, expected in ((0, 1), (3, 1), (4, 0), (-3, 1), (-4, 0)):
        assert depth_metrics.f1(np.roll(marks, off, axis=1), marks) == expected
    half = marks.copy()
    half[14:] = False  # 14 rows found, and 3 more within the tolerance
    assert depth_metrics.f1(half, marks) == pytest.approx(2 * (17 / 40) / (1 + 17 / 40))
    nothing = np.zeros_like(marks)
    assert (
        depth_metrics.f1(nothing, marks),
        depth_metrics.f1(marks, nothing),
        depth_metrics.f1(nothing, nothing),
    ) == (0, 0, 1)


def test_a_step_smeared_over_many_pixels_is_no_silhouette():
    smeared = np.exp(np.linspace(np.log(4), np.log(10), 40))[None].repeat(40, axis=0)
    assert not depth_metrics.steps(smeared).any()


def test_the_skyline_alone_is_no_silhouette_of_things():
    true = np.full((60, 60), 8.0)
    true[:20] = np.inf
    true[40:, 30:] = 3.0
    found = np.where(np.isfinite(true), 8.0, 100.0)  # the skyline is right, the thing is missing
    scores = depth_metrics.silhouettes(found, ~np.isfinite(true), true)
    assert scores["silhouette_f1"] == 0
    assert 0 < scores["silhouette_f1_with_sky"] < 1
    assert (
        depth_metrics.silhouettes(np.where(np.isfinite(true), true, 99), ~np.isfinite(true), true)[
            "silhouette_f1"
        ]
        == 1
    )


@given(angle=st.floats(0, 90), azimuth=st.floats(-180, 180))
def test_gravity_is_off_by_the_tilt_and_not_by_the_heading(angle, azimuth):
    picture = taken(raycast.front(), width=16, height=12)
    pose = picture.view.world_from_camera
    tilted = np.eye(4)
    tilted[:3, :3] = rotation_about(np.array([0, 0, 1.0]), np.radians(azimuth)) @ rotation_about(
        np.array([1.0, 0, 0]), np.radians(angle)
    )
    found = depth_sources.truth(
        replace(picture, view=replace(picture.view, world_from_camera=tilted @ pose))
    )
    assert depth_metrics.gravity_error(found, pose) == pytest.approx(angle, abs=1e-5)


def test_the_floor_is_a_plane_that_saw_nothing():
    photo = photo_of(taken(raycast.street()))
    for outdoors, metres in ((True, 6.0), (False, 3.0)):
        found = depth_sources.floor(photo, DepthOptions(), outdoors)
        assert (found.depth == metres).all()
        assert found.view.fx == photo.focal_px
        assert np.allclose(found.normal, [0, -1, 0])
    without = depth_sources.floor(replace(photo, focal_px=None), DepthOptions(), True)
    assert without.view.fx == pytest.approx(0.85 * photo.width)


def test_the_truth_is_true_and_an_estimate_like_any_other():
    picture = taken(raycast.street())
    found, solid = depth_sources.truth(picture), np.isfinite(picture.depth)
    assert np.array_equal(found.depth[solid], picture.depth[solid])
    assert np.array_equal(found.sky, ~solid)
    assert np.isfinite(found.depth).all()
    assert found.depth[~solid].min() > picture.depth[solid].max()
    rays = picture.view.rays() @ picture.view.world_from_camera[:3, :3].T
    assert ((found.normal * rays).sum(-1) < 0).all()
    assert np.allclose(np.linalg.norm(found.normal, axis=-1), 1, atol=1e-5)


def test_without_weights_the_network_is_not_asked_and_comes_back(monkeypatch):
    monkeypatch.setattr(network, "available", lambda: True)
    before = network.available
    with depth_sources.without_weights():
        assert not network.available()
    assert network.available is before


def test_other_weights_are_used_inside_and_the_own_ones_after(tmp_path, monkeypatch):
    before, asked = network.WEIGHTS, []
    picture = taken(raycast.street())

    def listen(photo, options, outdoors):
        asked.append(network.WEIGHTS)
        return depth_sources.truth(picture)

    names = (depth_sources.BUILTIN, depth_sources.FLOOR)
    monkeypatch.setattr(
        depth_sources, "sources", lambda: [depth_sources.Source(name, listen) for name in names]
    )
    monkeypatch.setattr(library, "scenes", list)
    monkeypatch.setattr(depth_bench, "cycles", lambda scenes: [sample(picture)])
    table = depth_bench.quick(None, tmp_path / "depth.npz")
    assert asked == [tmp_path / "depth.npz"]
    assert before == network.WEIGHTS
    assert {row["source"] for row in table if row["what"] == "depth"} == {depth_sources.BUILTIN}
    assert {row["name"] for row in table if row["what"] == "target"} >= {"cycles all: delta1"}


def test_the_truth_is_judged_faultless_and_the_floor_as_it_stands():
    picture = taken(raycast.street())
    perfect = depth_sources.Source(
        "truth", lambda photo, options, outdoors: depth_sources.truth(picture)
    )
    row = depth_bench.judged(perfect, sample(picture))
    assert (row["abs_rel"], row["delta1"], row["gravity_deg"], row["silhouette_f1"]) == (0, 1, 0, 1)
    plane = depth_bench.judged(depth_sources.Source("floor", depth_sources.floor), sample(picture))
    solid = picture.depth[np.isfinite(picture.depth)]
    assert plane["abs_rel"] == pytest.approx(np.abs(6 / solid - 1).mean(), rel=1e-5)
    assert plane["silhouette_f1"] == 0
    assert "abs_rel" not in depth_bench.judged(perfect, sample(picture, metric=False))


def test_the_focal_length_is_given_or_withheld():
    picture, told = taken(raycast.street()), []

    def listen(photo, options, outdoors):
        told.append((photo.focal_px, options.focal_px))
        return depth_sources.truth(picture)

    source = depth_sources.Source("x", listen)
    depth_bench.judged(source, sample(picture), depth_bench.KNOWN)
    depth_bench.judged(source, sample(picture, focal_px=77.0), depth_bench.KNOWN)
    depth_bench.judged(source, sample(picture, focal_px=77.0), depth_bench.UNKNOWN)
    assert told == [(picture.view.fx, None), (picture.view.fx, 77.0), (None, None)]


def test_means_are_by_set_source_and_lens_and_halves_are_a_ratio_of_means():
    def row(name, sets, **numbers):
        return {
            "source": "builtin",
            "focal": "known",
            "name": name,
            "sets": sets,
            "seconds": 1.0,
            **numbers,
        }

    table = depth_bench.means(
        [
            row("a", ("streets", "all"), abs_rel=0.1, abs_rel_surer=0.1, gravity_deg=0.0),
            row("b", ("streets", "all"), abs_rel=0.5, abs_rel_surer=0.2, gravity_deg=1.0),
            row("c", ("rooms", "all"), abs_rel=0.9, gravity_deg=9.0),
            row("d", ("scale-free",), abs_rel_aligned=0.3),
        ]
    )
    by_set = {row["set"]: row for row in table}
    assert set(by_set) == {"streets", "rooms", "all", "scale-free"}
    assert by_set["all"]["pictures"] == 3
    assert by_set["all"]["abs_rel"] == by_set["all"]["abs_rel_median"] == 0.5
    assert by_set["all"]["gravity_deg"] == 1.0
    assert by_set["streets"]["surer_half"] == 0.5
    assert (by_set["scale-free"]["abs_rel"], by_set["scale-free"]["abs_rel_aligned"]) == ("", 0.3)
    for row_ in table:
        assert set(depth_bench.COLUMNS) <= set(row_)
    assert json.loads(json.dumps(table)) == table


def test_targets_say_by_how_much_they_are_met_or_missed_and_leave_out_what_was_not_measured():
    head = {"what": "depth", "set": measured.CYCLES, "focal": "known"}
    table = [
        {**head, "source": "builtin", "delta1": 0.80, "delta1_aligned": 0.84, "gravity_deg": ""},
        {**head, "source": depth_sources.FALLBACK, "delta1": 0.60, "delta1_aligned": 0.80},
        {
            "what": "view",
            "set": measured.CYCLES,
            "source": "builtin",
            "move": "5 %",
            "unit": "metric",
            "psnr": 20,
            "holes_percent": 0.6,
        },
        {
            "what": "view",
            "set": measured.CYCLES,
            "source": "truth",
            "move": "5 %",
            "unit": "metric",
            "psnr": 23,
        },
    ]
    found = {row["name"]: (row["margin"], row["met"]) for row in depth_targets.rows(table)}
    assert found == {
        "cycles all: delta1": (0.02, True),
        "cycles all: delta1, aligned": (-0.01, False),
        "cycles all: delta1 beyond gravity+ground+backdrop": (0.1, True),
        "cycles all: delta1, aligned, beyond gravity+ground+backdrop": (-0.06, False),
        "views at 5 %: dB below the truth": (1.0, True),
        "views at 5 %: holes, % of the frame": (-0.1, False),
    }


def test_measured_photos_are_read_with_their_lens_and_sets(tmp_path):
    develop.write_jpeg(tmp_path / "a.jpg", pixels(2, (96, 128, 3)), 28)
    (tmp_path / "a.json").write_text(
        json.dumps({"width": 256, "height": 192, "fx": 200.0, "kind": "nuscenes", "metric": True})
    )
    np.savez(
        tmp_path / "a.npz", u=np.array([10, 200]), v=np.array([20, 100]), z=np.array([3.0, 9.0])
    )
    [found] = measured.photos(tmp_path)
    assert found.focal_px == 100
    assert found.sets == ("photos nuscenes", "photos streets", "photos all")
    assert [place.tolist() for place in found.places] == [[10, 50], [5, 100]]
    assert measured.photos(None) == []


def test_only_photos_whose_licence_allows_it_are_shown():
    assert len(sheets.SHOWN) == 10
    assert all(
        Path(name).stem.split("_")[0] in ("berlin", "lund", "moge", "dav2", "geocalib", "m3d")
        for name in sheets.SHOWN
    )


def test_a_sheet_has_a_place_for_every_tile_and_a_photo_is_not_cut():
    red = np.zeros((30, 90, 3), np.float32)
    red[..., 0] = 1
    page = sheets.sheet(("one", "two"), [("a", [red, red]), ("b", [red])])
    reds = (page[..., 2] > 200) & (page[..., :2] < 60).all(-1)
    per_tile = sheets.TILE[0] * sheets.TILE[0] // 3
    assert abs(reds.sum() - 3 * per_tile) < 0.05 * 3 * per_tile


def test_near_is_red_and_far_is_blue():
    painted = sheets.depth_picture(np.array([[1.0, 10.0, np.inf]]), (1.0, 10.0))
    assert painted[0, 0, 0] > painted[0, 0, 2]
    assert painted[0, 1, 2] > painted[0, 1, 0]
    assert np.array_equal(painted[0, 1], painted[0, 2])


def test_plots_of_depth_are_small_pictures(tmp_path):
    depth = [
        {
            "what": "depth",
            "set": name,
            "source": source,
            "focal": "known",
            "delta1": metric,
            "delta1_aligned": 0.6,
        }
        for name, metric in (("a", 0.5), ("b", ""))
        for source in ("builtin", "floor", "some model")
    ]
    views = [
        {"what": "view", "source": "builtin", "move": f"{p} %", "unit": "metric", "psnr": 30.0 - p}
        for p in (5, 10, 20)
    ]
    assert plots.draw_depth([], "a machine", tmp_path) == []
    paths = plots.draw_depth(depth + views, "a machine", tmp_path)
    assert [path.name for path in paths] == ["bench_depth.png", "bench_views.png"]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size <= 100_000


def test_with_nothing_to_measure_only_the_time_is_told(monkeypatch):
    monkeypatch.setattr(library, "scenes", list)
    monkeypatch.setattr(depth_bench, "TIMED_SIZE", (96, 72))
    [row] = depth_bench.rows(None)
    assert row["what"] == "12 MP"
    assert row["depth s"] >= 0


def test_the_page_shows_the_plots_and_the_sheets_that_there_are(tmp_path, monkeypatch):
    numbers = dict.fromkeys(depth_bench.COLUMNS, 0.5)
    row = {
        "what": "depth",
        "set": "cycles all",
        "source": "builtin",
        "focal": "known",
        "pictures": 1,
        **numbers,
    }
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "depth_scenes.png").write_bytes(b"x")
    monkeypatch.setattr(bench, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(bench, "IMAGES", tmp_path / "images")
    monkeypatch.setattr(bench, "_measure", lambda name, options: [row])
    monkeypatch.setattr("sys.argv", ["bench.py", "--only", "depth"])
    bench.main()
    text = (tmp_path / "benchmarks.md").read_text()
    assert "(images/bench_depth.png)" in text
    assert "(images/depth_scenes.png)" in text
    assert "depth_photos" not in text
    assert "| cycles all |" not in text
    assert '"set": "cycles all"' in (tmp_path / "benchmarks.json").read_text()
    assert (tmp_path / "images" / "bench_depth.png").is_file()
