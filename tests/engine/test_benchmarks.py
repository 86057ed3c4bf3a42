"""The benchmark's table keeps its contract, and its peers draw the engine's picture.

Nothing here asks how long anything takes.
"""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip(
    "torch", reason="the benchmarks' peers need torch; `python build.py test` installs it"
)

from benchmarks import (  # noqa: E402
    bench,
    gsplat_peer,
    page,
    plots,
    render_bench,
    stages,
    timing,
    torch_peer,
    training_bench,
)
from benchmarks.scenes import photo_like_scene, shifted  # noqa: E402
from engine.kernels import rasterise  # noqa: E402
from engine.render import RenderOptions, differentiable  # noqa: E402
from engine.render.rasteriser import render  # noqa: E402
from engine.splats.record import Splats  # noqa: E402

COLUMNS = (
    "splats",
    "width",
    "height",
    "passes",
    "threads",
    "cpu_ms",
    "wall_ms",
    "fps",
    "peer",
    "ratio",
)
MIN_ALPHA = 1 / 255
COUNT, SIZE = 600, (64, 36)


@pytest.fixture(scope="module")
def rows():
    """The whole benchmark on scenes that take no time."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in (
            (render_bench, "COUNTS", (COUNT, 2 * COUNT)),
            (render_bench, "CLOSER_COUNT", COUNT),
            (render_bench, "SIZES", (SIZE, (96, 54))),
            (render_bench, "TWIN_COUNT", 60),
            (render_bench, "TWIN_SIZE", SIZE),
            (gsplat_peer, "LIST_COUNT", 60),
            (gsplat_peer, "LIST_SIZE", SIZE),
            (training_bench, "COUNT", COUNT),
            (training_bench, "SIZE", (48, 32)),
        ):
            patch.setattr(module, name, value)
        return render_bench.rows()


def test_every_row_has_the_columns_and_numbers_that_can_be_compared(rows):
    for row in rows:
        assert set(COLUMNS) <= set(row)
        assert row["splats"] > 0
        assert row["threads"] >= 1
        assert row["repeats"] >= 1
        assert min(row["width"], row["height"]) > 0
        assert bool(row["ratio"] != "") == bool(row["peer_wall_ms"] != "")
        assert row["peer"] or row["ratio"] == ""
    assert json.loads(json.dumps(rows)) == rows


def test_every_part_is_there_for_every_scene_and_size(rows):
    forward = {
        (r["splats"], r["width"], r["passes"])
        for r in rows
        if r["what"] == "forward" and r.get("camera") == "photo's"
    }
    assert len(forward) == 2 * 2 * 2
    assert {row["what"] for row in rows} >= {
        "forward",
        "projection",
        "tile lists",
        "harmonics of degree 3",
        "forward and backward",
        "one iteration of a fit",
        "memory of the first frame",
    }
    for row in rows:
        if "camera" in row:
            assert {"project_ms", "scatter_ms", "sort_blend_write_ms", "rest_ms"} <= set(row)
        if row["what"].startswith("memory"):
            assert row["scene_mb"] >= 0
            assert row["memory_mb"]


def test_colour_has_a_peer_at_every_size(rows):
    photographed = [
        row
        for row in rows
        if row.get("camera") == "photo's" and row["passes"] == render_bench.COLOR
    ]
    assert photographed
    assert all(row["peer"] == "PyTorch rasteriser" for row in photographed)


def test_the_ratio_is_the_peers_time_in_ours():
    _, view = photo_like_scene(COUNT, SIZE)
    row = timing.row(
        "x", 1, view, "all", timing.Timing(0.5, 0.7, 5), "peer", timing.Timing(2.0, 3.0, 1)
    )
    assert (row["ratio"], row["fps"], row["cpu_ms"], row["peer_wall_ms"]) == (
        4.0,
        2.0,
        700.0,
        2000.0,
    )


def test_the_first_run_is_not_counted_and_slow_work_is_repeated_less():
    calls = []
    assert timing.measure(lambda: calls.append(1), repeats=4, patience=np.inf).repeats == 4
    assert len(calls) == 5
    assert timing.measure(lambda: calls.append(1), repeats=4, patience=0).repeats == timing.FEWEST
    assert len(calls) == 6 + timing.FEWEST
    assert timing.measure_first(lambda: calls.append(1)).repeats == 1
    assert len(calls) == 7 + timing.FEWEST


def test_stages_are_timed_without_changing_the_renderer():
    splats, view = photo_like_scene(COUNT, SIZE)
    doors = {name: getattr(module, function) for name, (module, function) in stages.DOORS.items()}
    spent = stages.stage_seconds(splats, view, RenderOptions(backend="cpu"))
    assert {
        name: getattr(module, function) for name, (module, function) in stages.DOORS.items()
    } == doors
    assert rasterise.project is doors["project"]
    assert spent["project"] > 0
    assert spent["sort_blend_write"] > 0
    assert spent["harmonics"] == 0
    assert spent["in_all"] + 1e-3 >= spent["project"] + spent["scatter"] + spent["sort_blend_write"]


def test_a_stopwatch_sees_an_error_and_puts_the_doors_back():
    before = rasterise.blend
    with pytest.raises(ZeroDivisionError), stages._stopwatch():
        raise ZeroDivisionError
    assert rasterise.blend is before


@pytest.mark.parametrize("antialiased", [False, True])
def test_the_peer_draws_the_engines_picture_of_a_photos_scene(antialiased):
    splats, own = photo_like_scene(4000, (160, 90))
    _assert_same_picture(splats, shifted(own), antialiased)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), antialiased=st.booleans())
def test_the_peer_draws_the_engines_picture_of_any_cloud(seed, antialiased):
    splats, view = _cloud(seed)
    _assert_same_picture(splats, view, antialiased)


def _assert_same_picture(splats, view, antialiased):
    """Compare; an opacity at the limit of what is drawn may be rounded to different sides."""
    ours = render(
        splats, view, RenderOptions(color_only=True, antialiased=antialiased, backend="cpu")
    )
    with torch.no_grad():
        theirs = torch_peer.rasterise(*torch_peer.tensors(splats), view, antialiased=antialiased)
    color, depth, alpha = (tensor.numpy() for tensor in theirs)
    for mine, other in ((ours.color, color), (ours.alpha, alpha)):
        apart = np.abs(mine - other)
        assert apart.max() <= 2 * MIN_ALPHA
        assert np.mean(apart > 1e-3) < 2e-3
    both = np.isfinite(depth) & np.isfinite(ours.depth)
    assert np.mean(np.isfinite(depth) != np.isfinite(ours.depth)) < 1e-3
    assert np.sum(np.abs(ours.depth[both] / depth[both] - 1) > 1e-3) <= 5e-3 * both.size


def _cloud(seed):
    """Splats of every size before, beside and behind the camera."""
    random = np.random.default_rng(seed)
    _, view = photo_like_scene(COUNT, SIZE)
    count = int(random.integers(1, 80))
    return Splats(
        positions=random.uniform([-4, -3, -1], [4, 9, 4], (count, 3)),
        scales=np.exp(random.uniform(-5, 0, (count, 3))),
        rotations=random.normal(size=(count, 4)),
        opacities=random.uniform(0, 1, count),
        colors=random.uniform(0, 1, (count, 3)),
        confidence=np.ones(count),
        region=np.zeros(count),
        origin=np.zeros(count),
    ), view


def test_the_peer_draws_nothing_where_there_is_nothing():
    splats, view = photo_like_scene(COUNT, SIZE)
    color, depth, alpha = torch_peer.render(torch_peer.tensors(splats.select(np.arange(0))), view)
    assert not color.any()
    assert not alpha.any()
    assert torch.isinf(depth).all()


def test_the_peers_gradients_are_the_engines():
    splats, own = photo_like_scene(COUNT, SIZE)
    view = shifted(own)
    ours = training_bench.gradients(differentiable.rasterise, splats, view)
    theirs = training_bench.gradients(torch_peer.rasterise, splats, view)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.linalg.norm(mine - other) <= 5e-3 * torch.linalg.norm(other)


def test_plots_are_small_pictures(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "WIDTH", SIZE[0])
    paths = plots.draw(rows, "a machine", tmp_path)
    assert [path.name for path in paths] == ["bench_splats.png", "bench_pixels.png"]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size <= 100_000


@pytest.fixture
def docs(rows, tmp_path, monkeypatch):
    """A folder that the benchmark writes to; rendering is measured, another part is one row."""
    monkeypatch.setattr(bench, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(bench, "IMAGES", tmp_path / "images")
    monkeypatch.setattr(
        bench, "_measure", lambda name, options: rows if name == "render" else [{"splats": 1}]
    )
    return tmp_path


def test_one_part_is_written_with_its_plots_and_the_others_stay(docs, rows, monkeypatch):
    before = {
        "render": page.part("render", [{"splats": 7}], "an old machine"),
        "reconstruct": page.part("reconstruct", [{"splats": 3}], "an old machine"),
    }
    page.write(before, docs / "benchmarks.json", docs / "benchmarks.md", docs / "images")
    monkeypatch.setattr("sys.argv", ["bench.py", "--only", "render"])
    bench.main()
    parts = page.read(docs / "benchmarks.json")
    assert list(parts) == ["render", "levels", "reconstruct"]
    assert parts["render"]["rows"] == rows
    assert parts["reconstruct"] == before["reconstruct"]
    text = (docs / "benchmarks.md").read_text()
    assert text.count("an old machine") == 1
    assert "## Levels of detail" in text
    assert "(images/bench_splats.png)" in text
    assert (docs / "images" / "bench_pixels.png").is_file()


def test_the_json_has_a_row_a_line(docs, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bench.py", "--only", "reconstruct"])
    bench.main()
    assert '   {"splats": 1}\n' in (docs / "benchmarks.json").read_text()


def test_the_page_tells_figures_of_the_rows_alone(docs, rows, monkeypatch):
    monkeypatch.setattr(page, "_WIDTH", SIZE[0])
    monkeypatch.setattr("sys.argv", ["bench.py", "--only", "render"])
    bench.main()
    lines = (docs / "benchmarks.md").read_text().splitlines()
    [frame] = [line for line in lines if line.startswith("| a frame with all passes |")]
    times = [row["wall_ms"] for row in rows if row["what"] == "forward"]
    assert float(frame.split("|")[2].split()[0]) in times
    assert not [line for line in lines if "photo's own view" in line]


def test_the_repositorys_page_is_made_of_its_json_and_has_ten_figures(tmp_path):
    docs = bench.PAGE.parent
    parts = page.read(docs / "benchmarks.json")
    assert list(parts) == list(page.TITLES)
    for name in ("benchmarks.json", "benchmarks.md"):
        shutil.copy(docs / name, tmp_path)
    shutil.copytree(docs / "images", tmp_path / "images")
    page.write(parts, tmp_path / "new.json", tmp_path / "new.md", tmp_path / "images")
    assert (tmp_path / "new.json").read_text() == (docs / "benchmarks.json").read_text()
    text = (docs / "benchmarks.md").read_text()
    assert (tmp_path / "new.md").read_text() == text.replace("(benchmarks.json)", "(new.json)")
    assert sum(line.startswith("| ") for line in text.splitlines()) == 1 + 10


def test_json_is_one_object_and_writes_nothing(docs, rows, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench.py", "--only", "render", "--json"])
    bench.main()
    told = json.loads(capsys.readouterr().out)
    assert told["machine"]
    assert told["render"] == rows
    assert list(docs.iterdir()) == []
