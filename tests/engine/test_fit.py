"""Fits of scenes whose truth is known."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from engine.camera import View
from engine.errors import ArgumentError, Cancelled, RenderError
from engine.geometry import LOOK_ALONG_Y, pose
from engine.progress import Progress
from engine.render import RenderOptions
from engine.render.fitting import GROUPS, FitOptions, Shot, descent, fit
from engine.render.rasteriser import render
from engine.splats.record import Splats

torch = pytest.importorskip("torch", reason="fitting needs PyTorch, which the AI engine brings")


WIDTH, HEIGHT, FOCAL = 64, 48, 60.0
RECOVERED = 40.0  # dB
CPU = FitOptions(device="cpu")
KEPT = ("confidence", "region", "origin")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors on many threads wait for one another more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def view(right: float = 0.0, up: float = 0.0) -> View:
    return View(
        FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT, pose(LOOK_ALONG_Y, [right, 0, up])
    )


VIEWS = [view(), view(0.4, 0.1), view(-0.3, 0.2)]


def truth(spacing: float = 1.5) -> Splats:
    """A wavy wall before the camera, a disc nearer by, in a smooth pattern of colours; spacing in pixels."""
    y, x = np.meshgrid(
        np.arange(0.5, HEIGHT, spacing), np.arange(0.5, WIDTH, spacing), indexing="ij"
    )
    depth = 5 + np.sin(x / 9) - 2 * (np.hypot(x - WIDTH / 2, y - HEIGHT / 2) < HEIGHT / 4)
    points = np.stack(
        [(x - WIDTH / 2) / FOCAL * depth, (y - HEIGHT / 2) / FOCAL * depth, depth], axis=-1
    ).reshape(-1, 3)
    phases = np.array([0.0, 2.0, 4.0])
    colors = 0.5 + 0.4 * np.sin(x[..., None] / 5 + phases) * np.cos(y[..., None] / 7)
    count = x.size
    return Splats(
        positions=points @ LOOK_ALONG_Y.T,
        scales=depth.reshape(-1, 1) / FOCAL * spacing * 0.6 * np.array([1, 1, 0.3]),
        rotations=np.tile([1.0, 0, 0, 0], (count, 1)),
        opacities=np.full(count, 0.9),
        colors=colors.reshape(-1, 3),
        confidence=np.linspace(0, 1, count),
        region=np.arange(count) % 5,
        origin=np.arange(count) % 4,
    )


def spoilt(splats: Splats, rows: np.ndarray | slice = slice(None)) -> Splats:
    """Positions off by 0.4 pixels, sizes by 20 %, colours by 0.1 and so on, in these rows."""
    random, count = np.random.default_rng(1), len(splats)
    pixel = splats.positions[:, 1:2] / FOCAL
    changed = {
        "positions": splats.positions + random.normal(0, 0.4, (count, 3)) * pixel,
        "scales": splats.scales * np.exp(random.normal(0, 0.2, (count, 3))),
        "rotations": splats.rotations + random.normal(0, 0.05, (count, 4)),
        "opacities": np.clip(splats.opacities + random.normal(0, 0.05, count), 0.05, 0.99),
        "colors": np.clip(splats.colors + random.normal(0, 0.1, (count, 3)), 0, 1),
    }
    for name, values in changed.items():
        kept = getattr(splats, name).copy()
        kept[rows] = values[rows]
        changed[name] = kept
    return splats.with_(**changed)


def shots_of(splats: Splats, views: list[View], **options) -> list[Shot]:
    return [Shot(view, render(splats, view, RenderOptions(**options)).color) for view in views]


def psnr(splats: Splats, shots: list[Shot], **options) -> float:
    """The worst of all shots, dB."""
    errors = [
        np.mean(
            np.square(render(splats, s.view, RenderOptions(**options)).color - s.image, dtype=float)
        )
        for s in shots
    ]
    return float(-10 * np.log10(max(*errors, 1e-12)))


def assert_same(first: Splats, second: Splats, names=(*GROUPS, *KEPT), rows=slice(None)) -> None:
    for name in names:
        np.testing.assert_array_equal(
            getattr(first, name)[rows], getattr(second, name)[rows], err_msg=name
        )


@pytest.mark.parametrize("count", [1, 3])
def test_a_perturbed_scene_is_recovered(count):
    shots = shots_of(truth(), VIEWS[:count])
    start = spoilt(truth())
    assert psnr(start, shots) < 25
    fitted = fit(start, shots, 100, CPU)
    assert psnr(fitted, shots) > RECOVERED
    assert_same(fitted, start, KEPT)
    np.testing.assert_allclose(np.linalg.norm(fitted.rotations, axis=1), 1, atol=1e-6)


def test_a_fit_carries_to_views_that_it_has_not_seen():
    between = shots_of(truth(), [view(0.1, 0.1)])
    start = spoilt(truth())
    fitted = fit(start, shots_of(truth(), VIEWS), 100, CPU)
    assert psnr(fitted, between) > psnr(start, between) + 10


def test_an_antialiased_scene_is_recovered():
    shots = shots_of(truth(), VIEWS[:1], antialiased=True)
    fitted = fit(spoilt(truth()), shots, 100, replace(CPU, antialiased=True))
    assert psnr(fitted, shots, antialiased=True) > RECOVERED


def test_locked_rows_come_back_bit_equal_and_the_others_are_recovered():
    exact = truth()
    free = np.hypot(*(exact.positions[:, [0, 2]] - [0.3, 0.2]).T) < 0.9
    assert 100 < free.sum() < len(exact) / 2
    start, shots = spoilt(exact, free), shots_of(exact, VIEWS[:1])
    fitted = fit(start, shots, 100, replace(CPU, locked=~free))
    assert_same(fitted, start, rows=~free)
    assert psnr(fitted, shots) > RECOVERED
    assert psnr(fitted, shots) > psnr(start, shots) + 10


@pytest.mark.parametrize("group", GROUPS)
def test_one_group_alone_is_trained(group):
    exact = truth()
    start, shots = exact.with_(**{group: getattr(spoilt(exact), group)}), shots_of(exact, VIEWS[:1])
    fitted = fit(start, shots, 30, replace(CPU, groups=(group,)))
    assert_same(fitted, start, [name for name in (*GROUPS, *KEPT) if name != group])
    assert psnr(fitted, shots) > psnr(start, shots) + 3


def test_a_fit_never_ends_farther_than_it_began():
    shots = shots_of(truth(), VIEWS[:2])
    wild = replace(CPU, color_step=50.0, position_step=500.0)
    start = spoilt(truth())
    fitted = fit(start, shots, 6, wild)
    assert psnr(fitted, shots) >= psnr(start, shots) - 1e-3


def test_the_truth_is_left_as_it_is():
    shots = shots_of(truth(), VIEWS[:1])
    assert psnr(fit(truth(), shots, 10, CPU), shots) > 55


def test_depth_pulls_splats_to_where_they_stand():
    exact = truth()
    shot = Shot(VIEWS[0], render(exact, VIEWS[0]).color, depth=render(exact, VIEWS[0]).depth)
    start = exact.with_(
        positions=exact.positions * np.float32(1.03), scales=exact.scales * np.float32(1.03)
    )
    options = replace(CPU, groups=("positions",), position_step=0.3, depth_weight=5.0)

    def off(splats: Splats) -> float:
        seen, there = render(splats, VIEWS[0]).depth, np.isfinite(shot.depth)
        return float(np.mean(np.abs(seen - shot.depth)[there & np.isfinite(seen)]))

    assert off(fit(start, [shot], 60, options)) < off(start) / 4


def test_what_pixels_without_a_say_show_changes_nothing():
    exact = truth()
    image = render(exact, VIEWS[0]).color
    there = np.ones((HEIGHT, WIDTH), bool)
    there[10:30, 20:50] = False
    spoilt_image, broken = image.copy(), image.copy()
    spoilt_image[~there] = 0.7
    broken[~there] = np.nan
    start = spoilt(exact)
    results = [
        fit(start, [shot], 4, CPU)
        for shot in (
            Shot(VIEWS[0], image, there),
            Shot(VIEWS[0], spoilt_image, there),
            Shot(VIEWS[0], broken),
        )
    ]
    assert np.abs(results[0].colors - start.colors).max() > 0.01
    for other in results[1:]:
        assert_same(results[0], other)


def test_the_same_fit_gives_the_same_bits():
    shots, start = shots_of(truth(), VIEWS[:2]), spoilt(truth())
    first, second = (fit(start, shots, 5, replace(CPU, threads=threads)) for threads in (1, 3))
    assert_same(first, second)


def test_rows_that_no_shot_sees_or_that_cannot_be_drawn_come_back_bit_equal():
    exact = truth()
    positions = exact.positions.copy()
    positions[:20, 1] *= -1  # behind the camera
    positions[20] = np.nan
    scales, rotations, opacities = (
        exact.scales.copy(),
        exact.rotations.copy(),
        exact.opacities.copy(),
    )
    scales[21], rotations[22], opacities[23] = 0, 0, 1e-3
    colors = np.clip(exact.colors + np.float32(0.1), 0, 1)
    start = exact.with_(
        positions=positions, scales=scales, rotations=rotations, opacities=opacities, colors=colors
    )
    fitted = fit(start, shots_of(exact, VIEWS[:1]), 5, CPU)
    assert_same(fitted, start, rows=slice(0, 24))
    assert all(np.isfinite(getattr(fitted, name)[24:]).all() for name in GROUPS)
    assert (fitted.colors[24:] != start.colors[24:]).any()


def test_harmonics_stay_and_are_seen():
    random = np.random.default_rng(2)
    exact = truth()
    exact = exact.with_(sh=random.normal(0, 0.1, (len(exact), 3, 3)))
    shots = shots_of(exact, VIEWS[:2])
    start = exact.with_(colors=spoilt(exact).colors)
    fitted = fit(start, shots, 60, replace(CPU, groups=("colors",)))
    np.testing.assert_array_equal(fitted.sh, exact.sh)
    assert psnr(fitted, shots) > RECOVERED
    assert psnr(fitted.with_(sh=None), shots) < 35


def test_structural_similarity_is_one_of_equals_and_less_of_others():
    from engine.render.fitting.loss import similarity

    random = np.random.default_rng(3)
    a, b = (torch.tensor(random.uniform(0, 1, (20, 30, 3)), dtype=torch.float64) for _ in range(2))
    np.testing.assert_allclose(similarity(a, a).numpy(), 1, atol=1e-12)
    np.testing.assert_allclose(similarity(a, b).numpy(), similarity(b, a).numpy())
    assert similarity(a, b).abs().max() < 1
    assert similarity(a, b).mean() < similarity(a, a + 0.1 * b).mean()


def test_a_fit_by_similarity_comes_nearer_too():
    shots, start = shots_of(truth(), VIEWS[:1]), spoilt(truth())
    assert psnr(fit(start, shots, 20, replace(CPU, dssim=0.2)), shots) > psnr(start, shots) + 8


def test_progress_is_told_and_asked():
    told: list[float] = []
    progress = Progress(lambda fraction, stage: told.append(fraction))
    fit(truth(3.0), shots_of(truth(3.0), VIEWS[:1]), 8, CPU, progress)
    assert told == sorted(told)
    assert len(told) == 9
    assert told[-1] == 1


def test_a_cancelled_fit_stops_at_the_next_step():
    told: list[float] = []

    def report(fraction: float, stage: str) -> None:
        told.append(fraction)
        if fraction > 0.2:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        fit(truth(3.0), shots_of(truth(3.0), VIEWS[:1]), 100, CPU, progress)
    assert max(told) == pytest.approx(0.21)


def test_nothing_to_do_gives_the_scene_back():
    shots = shots_of(truth(3.0), VIEWS[:1])
    scene = truth(3.0)
    empty = scene.select(np.zeros(len(scene), bool))
    assert fit(scene, shots, 0, CPU) is scene
    assert fit(empty, shots, 5, CPU) is empty
    assert_same(fit(scene, shots, 3, replace(CPU, locked=np.ones(len(scene), bool))), scene)


def test_what_cannot_be_fitted_is_refused_in_a_sentence():
    scene, shots = truth(3.0), shots_of(truth(3.0), VIEWS[:1])
    with pytest.raises(ArgumentError, match="at least one picture"):
        fit(scene, [], 5, CPU)
    with pytest.raises(ArgumentError, match="iterations, not -1"):
        fit(scene, shots, -1, CPU)
    with pytest.raises(ArgumentError, match="locked rows"):
        fit(scene, shots, 5, replace(CPU, locked=np.ones(3, bool)))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"image": np.zeros((HEIGHT, WIDTH))}, "image"),
        ({"image": np.zeros((HEIGHT, WIDTH, 3)), "depth": np.zeros((3, 4))}, "depth"),
        ({"image": np.zeros((HEIGHT, WIDTH, 3)), "weight": np.zeros((3, 4))}, "weight"),
        (
            {"image": np.zeros((HEIGHT, WIDTH, 3)), "weight": np.full((HEIGHT, WIDTH), -1)},
            "0 or more",
        ),
        (
            {"image": np.zeros((HEIGHT, WIDTH, 3)), "weight": np.full((HEIGHT, WIDTH), np.nan)},
            "0 or more",
        ),
        ({"image": np.zeros((HEIGHT, WIDTH, 3)), "weight": np.zeros((HEIGHT, WIDTH))}, "no pixel"),
        ({"image": np.full((HEIGHT, WIDTH, 3), np.nan)}, "no pixel"),
    ],
)
def test_a_shot_that_makes_no_sense_is_refused(parts, words):
    with pytest.raises(ArgumentError, match=words):
        Shot(VIEWS[0], **parts)


@pytest.mark.parametrize(
    "wrong",
    [
        {"groups": ()},
        {"groups": ("normals",)},
        {"color_step": np.nan},
        {"scale_step": -1},
        {"dssim": 2},
        {"last_step": -1},
        {"depth_weight": np.inf},
        {"near": -1},
        {"device": "tpu"},
        {"threads": 0},
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ArgumentError):
        FitOptions(**wrong)


def test_without_torch_a_sentence_says_what_to_do(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        descent.importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "torch" else found(name, *rest),
    )
    with pytest.raises(RenderError, match="install the AI engine"):
        fit(truth(3.0), shots_of(truth(3.0), VIEWS[:1]), 1, CPU)


def test_cuda_where_there_is_none_is_refused(monkeypatch):
    from engine.render import cuda_here

    monkeypatch.setattr(cuda_here, "available", lambda: False)
    with pytest.raises(RenderError, match="CUDA"):
        fit(truth(3.0), shots_of(truth(3.0), VIEWS[:1]), 1, FitOptions(device="cuda"))
