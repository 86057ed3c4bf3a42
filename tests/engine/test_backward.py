"""The rasteriser's gradients, held against a dense float64 rasteriser under torch's autograd, and their laws."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.camera import View
from engine.errors import ArgumentError
from engine.geometry import pose, rotation_about
from engine.render import RenderOptions, frame
from engine.render.rasteriser import render
from engine.splats.record import Splats

torch = pytest.importorskip("torch", reason="gradients need PyTorch, which the AI engine brings")

import dense_reference as dense  # noqa: E402

from engine.render.differentiable import rasterise  # noqa: E402

NAMES = ("means", "scales", "rotations", "opacities", "colors")
CLOSE = 1e-4  # relative, of each parameter's whole gradient
few = settings(max_examples=10, deadline=None)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors on many threads wait for one another more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def scene(random: np.random.Generator, count: int, spread: float) -> list[torch.Tensor]:
    """Splats before, beside, beyond the edge of and behind the camera; a third of them opaque; quaternions of any length."""
    return tensors(
        random.uniform([-3, -3, -1], [3, 3, 9], (count, 3)),
        np.exp(random.uniform(np.log(spread / 30), np.log(spread), (count, 3))),
        random.normal(size=(count, 4)) * np.exp(random.uniform(-3, 3, (count, 1))),
        np.where(random.random(count) < 0.3, 1.0, random.beta(1.5, 0.7, count)),
        random.uniform(0, 1.5, (count, 3)),
    )


def tensors(*arrays) -> list[torch.Tensor]:
    return [torch.tensor(np.asarray(array), dtype=torch.float32) for array in arrays]


def camera(random: np.random.Generator, width: int, height: int) -> View:
    focal = random.uniform(0.5, 2) * width
    turn = rotation_about(random.normal(size=3), random.uniform(0, 0.4))
    centre = random.uniform(0.3, 0.7, 2) * (width, height)
    return View(
        focal,
        focal * random.uniform(0.9, 1.1),
        *centre,
        width,
        height,
        pose(turn, random.uniform(-0.5, 0.5, 3)),
    )


def ahead(width: int = 40, height: int = 24, focal: float = 30.0) -> View:
    return View(focal, focal, width / 2, height / 2, width, height, np.eye(4))


def upstream(random: np.random.Generator, view: View) -> list[torch.Tensor]:
    """Random gradients of colour, depth and alpha."""
    size = view.height, view.width
    return tensors(
        random.normal(size=(*size, 3)), random.normal(size=size), random.normal(size=size)
    )


def gradients(parameters, view, given, rasteriser=rasterise, **options) -> list[torch.Tensor]:
    """Of all five parameters, in their own precision; depth counts where there is one."""
    leaves = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    color, depth, alpha = rasteriser(*leaves, view, **options)
    there = torch.where(torch.isfinite(depth), depth, 0.0)
    loss = sum(
        (part * weights.to(part.dtype)).sum()
        for part, weights in zip((color, there, alpha), given, strict=True)
    )
    loss.backward()
    return [leaf.grad for leaf in leaves]


def far_apart(found, expected) -> dict[str, float]:
    """The relative distance of each parameter's gradient."""
    return {
        name: float((a.double() - b.double()).norm() / b.double().norm())
        for name, a, b in zip(NAMES, found, expected, strict=True)
    }


@pytest.mark.parametrize("antialiased", [False, True], ids=["plain", "antialiased"])
@pytest.mark.parametrize("spread", [0.02, 0.2, 1.0])
@pytest.mark.parametrize(
    ("seed", "count", "size"), [(1, 60, (40, 24)), (2, 250, (70, 37)), (3, 150, (33, 17))]
)
def test_gradients_equal_those_of_the_dense_reference(seed, count, size, spread, antialiased):
    random = np.random.default_rng(seed)
    parameters, view = scene(random, count, spread), camera(random, *size)
    given = upstream(random, view)
    found = gradients(parameters, view, given, antialiased=antialiased)
    exact = gradients(
        [p.double() for p in parameters], view, given, dense.rasterise, antialiased=antialiased
    )
    assert max(far_apart(found, exact).values()) < CLOSE, far_apart(found, exact)


@pytest.mark.parametrize("part", [0, 1, 2], ids=["colour", "depth", "alpha"])
def test_each_pass_alone_has_its_gradient(part):
    random = np.random.default_rng(5)
    parameters, view = scene(random, 200, 0.3), camera(random, 64, 40)
    given = [weights * (i == part) for i, weights in enumerate(upstream(random, view))]
    found = gradients(parameters, view, given)
    exact = gradients([p.double() for p in parameters], view, given, dense.rasterise)
    if part:  # neither depth nor alpha knows of colours
        assert not found.pop().any()
        exact.pop()
    for name, a, b in zip(NAMES, found, exact, strict=False):
        assert (a.double() - b).norm() < CLOSE * b.norm(), name


def test_tiles_that_are_finished_early_are_followed_exactly():
    """Four hundred large opaque splats, one behind the other: most are never looked at, and get nothing."""
    random = np.random.default_rng(6)
    count, view = 400, ahead(32, 16, focal=60)
    parameters = tensors(
        random.uniform([-2, -1, 3], [2, 1, 9], (count, 3)),
        np.tile([0.8, 0.7, 0.6], (count, 1)),
        random.normal(size=(count, 4)),
        random.uniform(0.8, 1, count),
        random.uniform(0, 1, (count, 3)),
    )
    given = upstream(random, view)
    assert (rasterise(*parameters, view)[2] > 0.9).all()
    exact = gradients([p.double() for p in parameters], view, given, dense.rasterise)
    found = gradients(parameters, view, given)
    assert max(far_apart(found, exact).values()) < CLOSE
    untouched = ~exact[4].any(dim=1)
    assert untouched.sum() > count / 2
    assert not any(part[untouched].any() for part in found)


def test_the_picture_is_the_renderers_bit_for_bit():
    random = np.random.default_rng(7)
    parameters, view = scene(random, 900, 0.3), camera(random, 150, 70)
    count = len(parameters[0])
    splats = Splats(
        *(p.numpy() for p in parameters), np.ones(count), np.zeros(count), np.zeros(count)
    )
    for antialiased in (False, True):
        picture = render(splats, view, RenderOptions(antialiased=antialiased))
        for name, part in zip(
            ("color", "depth", "alpha"),
            rasterise(*parameters, view, antialiased=antialiased),
            strict=True,
        ):
            np.testing.assert_array_equal(part.numpy(), getattr(picture, name), err_msg=name)


def test_gradients_have_the_same_bits_on_any_number_of_threads_and_in_bands(monkeypatch):
    random = np.random.default_rng(8)
    parameters, view = scene(random, 2500, 0.3), camera(random, 200, 120)
    given = upstream(random, view)
    once = gradients(parameters, view, given, threads=1)
    assert all(gradient.abs().sum() > 0 for gradient in once)
    runs = [gradients(parameters, view, given, threads=threads) for threads in (2, 5)]
    monkeypatch.setattr(frame, "BAND_ENTRIES", 700)
    runs.append(gradients(parameters, view, given, threads=2))
    for run in runs:
        for name, a, b in zip(NAMES, once, run, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=name)


@few
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300), antialiased=st.booleans())
def test_laws_of_gradients(seed, count, antialiased):
    random = np.random.default_rng(seed)
    parameters, view = scene(random, count, 0.3), camera(random, 48, 33)
    given = upstream(random, view)
    means, scales, rotations, opacities, colors = gradients(
        parameters, view, given, antialiased=antialiased
    )
    # A quaternion's length means nothing.
    along = (rotations * parameters[2]).sum(1).abs()
    assert (along <= 1e-4 * rotations.norm(dim=1) * parameters[2].norm(dim=1) + 1e-20).all()
    # All colours one brighter is the picture brighter by alpha.
    alpha = rasterise(*parameters, view, antialiased=antialiased)[2]
    brighter = (given[0].sum(2) * alpha).double().sum()
    assert float(colors.double().sum()) == pytest.approx(float(brighter), rel=1e-4, abs=1e-3)
    # Nothing behind the camera, and nothing faint, has a gradient.
    behind = torch.from_numpy(view.project(parameters[0].numpy())[1]) < 0.009
    for part in (means, scales, rotations, opacities, colors):
        assert torch.isfinite(part).all()
        assert not part[behind | (parameters[3] < 1 / 256)].any()


NASTY = [np.nan, np.inf, -np.inf, 1e38, -1e38, -1.0]


def test_what_cannot_be_drawn_has_no_gradient_and_disturbs_no_other():
    random = np.random.default_rng(10)
    good, view = scene(random, 120, 0.3), camera(random, 64, 40)
    given = upstream(random, view)
    alone = gradients(good, view, given)
    bad = [p[:30].clone() for p in good]
    for row in range(30):
        values = bad[row % 5].view(30, -1)
        values[row, row % values.shape[1]] = (
            NASTY[row % 6] if row % 5 != 4 else [np.nan, np.inf, -np.inf][row % 3]
        )
    bad[0][:, 2] -= torch.where(torch.arange(30) % 5 == 0, 100.0, 0.0)
    bad[2][2::5] = 0.0
    bad[3][3::5] = torch.tensor([np.nan, -1.0, -np.inf, 0.0, np.nan, 1 / 300])
    bad[1][1::5, 0] = torch.tensor([np.nan, -1.0, -np.inf, np.inf, np.nan, -1e-3])
    found = gradients([torch.cat(pair) for pair in zip(good, bad, strict=True)], view, given)
    for name, a, b in zip(NAMES, found, alone, strict=True):
        np.testing.assert_array_equal(a[:120].numpy(), b.numpy(), err_msg=name)
        assert not a[120:].any(), name


@few
@given(seed=st.integers(0, 2**32 - 1))
def test_no_gradient_is_ever_nan(seed):
    random = np.random.default_rng(seed)
    parameters, view = scene(random, 200, 1.0), camera(random, 40, 24)
    for parameter in parameters:
        values = parameter.view(-1)
        where = torch.from_numpy(random.random(len(values)) < 0.05)
        values[where] = torch.tensor(
            random.choice([*NASTY, 0.0, 1e-38, 1e6, 1e18], int(where.sum())), dtype=torch.float32
        )
    for antialiased in (False, True):
        for part in gradients(parameters, view, upstream(random, view), antialiased=antialiased):
            assert torch.isfinite(part).all()


def test_an_opacity_held_at_its_cap_has_no_gradient():
    view = ahead()
    at_centre = [torch.zeros(24, 40, 3), torch.zeros(24, 40), torch.zeros(24, 40)]
    at_centre[2][12, 20] = 1.0
    middle = [[0.5 / 30 * 4, 0.5 / 30 * 4, 4.0]]  # the centre of that pixel
    for opacity, held in ((1.0, True), (0.9, False)):
        splat = tensors(middle, [[0.5] * 3], [[1.0, 0, 0, 0]], [opacity], [[1.0, 1, 1]])
        assert bool(gradients(splat, view, at_centre)[3] == 0) is held


def test_an_opacity_above_one_is_drawn_as_one_and_has_no_gradient():
    view, random = ahead(), np.random.default_rng(11)
    splats = [
        tensors([[0.1, 0, 4.0]], [[0.5] * 3], [[1.0, 0, 0, 0]], [opacity], [[1.0, 1, 1]])
        for opacity in (1.0, 1.5)
    ]
    for a, b in zip(*(rasterise(*splat, view) for splat in splats), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    one, more = (gradients(splat, view, upstream(random, view))[3] for splat in splats)
    assert one != 0
    assert more == 0


def test_the_depth_of_one_faint_splat_does_not_hang_on_its_opacity():
    """Its expected depth is its own depth, whatever little of it is there."""
    view = ahead()
    splat = tensors([[0.1, 0.2, 4.0]], [[0.3] * 3], [[1.0, 0, 0, 0]], [0.03], [[1.0, 1, 1]])
    only_depth = [torch.zeros(24, 40, 3), torch.ones(24, 40), torch.zeros(24, 40)]
    means, _, _, opacities, _ = gradients(splat, view, only_depth)
    pixels = float(torch.isfinite(rasterise(*splat, view)[1]).sum())
    assert pixels > 20
    assert float(means[0, 2]) == pytest.approx(pixels, rel=1e-5)
    assert (
        abs(float(opacities)) < 1e-3
    )  # a thousand times more where depth is differentiated as the quotient that it is


def test_what_a_loss_says_of_depth_where_there_is_none_is_not_heard():
    random = np.random.default_rng(12)
    parameters, view = scene(random, 20, 0.2), ahead()
    given = upstream(random, view)
    leaves = [p.requires_grad_() for p in parameters]
    color, depth, alpha = rasterise(*leaves, view)
    nothing = torch.isinf(depth)
    assert nothing.any()
    expected = torch.autograd.grad([color, depth, alpha], leaves, given, retain_graph=True)
    given[1] = torch.where(nothing, torch.nan, given[1])
    for a, b in zip(
        torch.autograd.grad([color, depth, alpha], leaves, given), expected, strict=True
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_an_empty_scene_has_an_empty_picture_and_empty_gradients():
    view = ahead()
    empty = tensors(
        np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 4)), np.zeros(0), np.zeros((0, 3))
    )
    color, depth, alpha = rasterise(*empty, view)
    assert not color.any()
    assert not alpha.any()
    assert torch.isinf(depth).all()
    given = upstream(np.random.default_rng(0), view)
    assert [part.shape for part in gradients(empty, view, given)] == [part.shape for part in empty]


def test_gradients_are_asked_for_some_parameters_alone():
    random = np.random.default_rng(13)
    parameters, view = scene(random, 60, 0.3), ahead()
    given = upstream(random, view)
    everything = gradients(parameters, view, given)
    parameters[4].requires_grad_()
    color, _, alpha = rasterise(*parameters, view)
    torch.autograd.backward([color, alpha], [given[0], given[2]])
    assert [p.grad is not None for p in parameters] == [False] * 4 + [True]
    np.testing.assert_allclose(
        parameters[4].grad.numpy(), everything[4].numpy(), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("scales", lambda p: p[:, :2]),
        ("rotations", lambda p: p[:-1]),
        ("opacities", lambda p: p[:, None]),
        ("colors", lambda p: p.double()),
    ],
)
def test_parameters_that_do_not_belong_together_are_refused_by_name(name, spoil):
    parameters = scene(np.random.default_rng(14), 9, 0.3)
    index = NAMES.index(name)
    parameters[index] = spoil(parameters[index])
    with pytest.raises(ArgumentError, match=name):
        rasterise(*parameters, ahead())


def test_a_picture_too_large_is_refused():
    with pytest.raises(ArgumentError, match="20000x10"):
        rasterise(*scene(np.random.default_rng(15), 3, 0.3), View(9, 9, 5, 5, 20000, 10, np.eye(4)))


def test_the_room_loads_without_torch():
    code = "import sys, engine.render, engine.render.fitting; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
