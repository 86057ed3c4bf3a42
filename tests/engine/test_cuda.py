"""The CUDA renderer against the CPU's: on a card where there is one, and everywhere with gsplat's kernels played in PyTorch."""

import gc
import subprocess
import sys
import weakref
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_render_twin import camera, lead, scene

from engine.errors import ArgumentError, Cancelled, RenderError
from engine.progress import Progress
from engine.render import ProxyRender, RenderOptions, cuda, cuda_here, cuda_scene, heaviest
from engine.render.rasteriser import render

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: nothing to hold the CUDA renderer against"
)
pytest.importorskip(
    "gsplat", reason="gsplat is not installed: nothing to hold the CUDA renderer against"
)

EYE = (0.4, -0.3, 0.2)
CPU = RenderOptions(photo_position=EYE, backend="cpu")
few = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=["played", "card"])
def device(request, monkeypatch):
    """The wrapper on its device: gsplat's kernels played on the CPU, and a real card where there is one."""
    if request.param == "card":
        if not torch.cuda.is_available():
            pytest.skip("this machine has no CUDA device")
        return cuda_scene.DEVICE
    import dense_gsplat
    import gsplat

    for name in ("rasterization", "rasterize_to_indices_in_range", "spherical_harmonics"):
        monkeypatch.setattr(gsplat, name, getattr(dense_gsplat, name))
    monkeypatch.setattr(cuda_scene, "DEVICE", "cpu")
    return "cpu"


def agree(ours: ProxyRender, theirs: ProxyRender, clear: np.ndarray) -> None:
    """The same picture but for pixels in which a splat of 1/255 comes or goes; ids equal where one splat clearly leads."""
    strays = np.zeros(ours.alpha.shape, bool)
    for name in ("color", "alpha", "confidence"):
        difference = (
            np.abs(getattr(ours, name) - getattr(theirs, name))
            .reshape(*strays.shape, -1)
            .max(axis=2)
        )
        assert difference.max() <= 0.01, name
        strays |= difference > 2e-3
    assert strays.sum() <= 1 + 0.005 * strays.size
    sure = ~strays & (ours.alpha > 0.02)
    np.testing.assert_allclose(theirs.depth[sure], ours.depth[sure], rtol=1e-3)
    np.testing.assert_allclose(theirs.normal[sure], ours.normal[sure], atol=0.05)
    np.testing.assert_array_equal(theirs.region[sure & clear], ours.region[sure & clear])
    np.testing.assert_array_equal(theirs.origin[sure & clear], ours.origin[sure & clear])


@few
@given(
    seed=st.integers(0, 2**32 - 1), antialiased=st.booleans(), bands=st.sampled_from([0, 3, 8, 15])
)
def test_the_card_draws_what_the_kernels_draw(device, seed, antialiased, bands):
    random = np.random.default_rng(seed)
    splats, view = scene(random, 60, 0.3), camera(random, 50, 35)
    if bands:
        splats = splats.with_(sh=random.normal(0, 0.3, (60, bands, 3)))
    options = replace(CPU, antialiased=antialiased)
    ours, theirs = render(splats, view, options), cuda.render(splats, view, options)
    agree(ours, theirs, lead(splats, view, antialiased) > 5e-3)
    for field in fields(ProxyRender):
        if field.name != "view":
            assert getattr(theirs, field.name).dtype == getattr(ours, field.name).dtype, field.name
            assert getattr(theirs, field.name).shape == getattr(ours, field.name).shape, field.name


@few
@given(seed=st.integers(0, 2**32 - 1), photo_focal=st.sampled_from([20.0, 200.0]))
def test_the_photos_own_filter_is_kept_on_the_card_as_in_the_kernels(device, seed, photo_focal):
    random = np.random.default_rng(seed)
    splats, view = scene(random, 60, 0.05), camera(random, 50, 35)
    options = replace(
        CPU, antialiased=True, photo_position=(0.2, -0.1, -1.0), photo_focal=photo_focal
    )
    ours, theirs = render(splats, view, options), cuda.render(splats, view, options)
    assert np.abs(ours.alpha - theirs.alpha).max() < 5e-3
    strays = np.abs(ours.color - theirs.color).max(axis=2) > 2e-3
    assert strays.sum() <= 1 + 0.005 * strays.size


def test_ids_of_opaque_layers_are_exact(device):
    random = np.random.default_rng(3)
    splats, view = scene(random, 80, 1.0).with_(opacities=np.full(80, 0.9)), camera(random, 64, 40)
    ours, theirs = render(splats, view, CPU), cuda.render(splats, view, CPU)
    clear = lead(splats, view, False) > 1e-3
    assert clear.mean() > 0.5
    agree(ours, theirs, clear)


def test_colour_alone_is_the_same_colour(device):
    random = np.random.default_rng(4)
    splats, view = scene(random, 40, 0.3), camera(random, 40, 30)
    whole, part = (
        cuda.render(splats, view, CPU),
        cuda.render(splats, view, replace(CPU, color_only=True)),
    )
    for name in ("color", "alpha", "depth"):
        np.testing.assert_allclose(getattr(whole, name), getattr(part, name), atol=1e-5)
    assert (part.region == -1).all()
    assert not part.normal.any()


def test_far_from_the_origin_the_picture_keeps_its_digits(device):
    random = np.random.default_rng(5)
    splats, view = scene(random, 40, 0.3), camera(random, 40, 30)
    away = np.array(
        [4096.0, -8192.0, 512.0]
    )  # exact in float32, as the positions below are on a grid of 1/1024 m
    grid = splats.with_(positions=np.round(splats.positions * 1024) / 1024)
    pose = view.world_from_camera.copy()
    pose[:3, 3] = np.round(pose[:3, 3] * 1024) / 1024
    here = cuda.render(
        grid, replace(view, world_from_camera=pose), replace(CPU, photo_position=None)
    )
    pose = pose.copy()
    pose[:3, 3] += away
    moved = grid.with_(positions=grid.positions + away)
    there = cuda.render(
        moved, replace(view, world_from_camera=pose), replace(CPU, photo_position=None)
    )
    np.testing.assert_allclose(there.color, here.color, atol=1e-4)


NASTY = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30, -1e30, 1e-30, 3e38]


@few
@given(seed=st.integers(0, 10**6))
def test_what_cannot_be_drawn_is_left_out(device, seed):
    random = np.random.default_rng(seed)
    splats, view = scene(random, 40, 0.3), camera(random, 30, 20)
    changed = {}
    for name in ("positions", "scales", "rotations", "opacities", "colors", "confidence"):
        changed[name] = getattr(splats, name).copy()
        changed[name].reshape(-1)[random.integers(0, changed[name].size, 4)] = random.choice(
            NASTY, 4
        )
    picture = cuda.render(splats.with_(**changed), view, CPU)
    there = np.isfinite(picture.depth)
    assert np.isfinite(picture.color).all()
    assert ((picture.alpha >= 0) & (picture.alpha <= 1)).all()
    np.testing.assert_array_equal(there, picture.alpha >= np.float32(1 / 255))
    np.testing.assert_allclose(np.linalg.norm(picture.normal, axis=2), there, atol=1e-5)
    assert (picture.region[~there] == -1).all()


@pytest.mark.parametrize(
    "bad", [{"scales": 1e30}, {"positions": np.nan}, {"rotations": 0.0}, {"confidence": np.inf}]
)
def test_a_bad_splat_changes_nothing(device, bad):
    random = np.random.default_rng(6)
    splats, view = scene(random, 30, 0.3), camera(random, 30, 20)
    changed = {}
    for name, value in bad.items():
        changed[name] = getattr(splats, name).copy()
        changed[name][7] = value
    without = cuda.render(splats.select(np.arange(30) != 7), view, CPU)
    spoilt = cuda.render(splats.with_(**changed), view, CPU)
    for name in ("color", "alpha", "depth", "region"):
        np.testing.assert_array_equal(getattr(spoilt, name), getattr(without, name), err_msg=name)


def test_a_splat_too_large_for_float32_is_given_no_opacity(device, monkeypatch):
    """gsplat would draw it as not-a-number, which its kernels take for opaque."""
    import gsplat

    random = np.random.default_rng(6)
    splats, view = scene(random, 30, 0.3), camera(random, 30, 20)
    sizes = splats.scales.copy()
    sizes[7] = 1e30
    given_, draw = [], gsplat.rasterization

    def listening(means, quats, scales, opacities, *others, **options):
        given_.append(opacities.cpu().numpy()[scales.amax(1).cpu().numpy() > 1e29])
        return draw(means, quats, scales, opacities, *others, **options)

    monkeypatch.setattr(gsplat, "rasterization", listening)
    cuda.render(splats.with_(scales=sizes, opacities=np.full(30, 0.9)), view, CPU)
    assert given_[0].tolist() == [0]


def test_harmonics_that_are_no_numbers_leave_the_base_colour(device):
    random = np.random.default_rng(17)
    splats, view = scene(random, 30, 0.3), camera(random, 30, 20)
    sh = random.normal(0, 0.3, (30, 8, 3)).astype(np.float32)
    spoilt = np.where(np.arange(30)[:, None, None] % 2, sh, np.nan)
    plain = np.where(np.arange(30)[:, None, None] % 2, sh, 0)
    first, second = (cuda.render(splats.with_(sh=array), view, CPU) for array in (spoilt, plain))
    np.testing.assert_allclose(first.color, second.color, atol=1e-5)


def test_nothing_is_void(device):
    random = np.random.default_rng(7)
    splats, view = scene(random, 5, 0.3), camera(random, 20, 10)
    for empty in (splats.select(np.zeros(5, bool)), splats.with_(opacities=np.zeros(5))):
        for color_only in (False, True):
            picture = cuda.render(empty, view, RenderOptions(color_only=color_only))
            assert picture.void.all()
            assert np.isinf(picture.depth).all()
            assert (picture.origin == -1).all()


def test_cancel_stops_a_frame(device):
    progress = Progress()
    progress.cancel()
    random = np.random.default_rng(8)
    with pytest.raises(Cancelled):
        cuda.render(scene(random, 5, 0.3), camera(random, 20, 10), CPU, progress)


def test_a_scene_is_copied_once_and_forgotten_with_it(device, monkeypatch):
    random = np.random.default_rng(9)
    splats, view = scene(random, 5, 0.3), camera(random, 20, 10)
    copies, upload = [], cuda_scene._upload
    monkeypatch.setattr(cuda_scene, "_upload", lambda scene: copies.append(1) or upload(scene))
    cuda.render(splats, view)
    cuda.render(splats, view)
    assert len(copies) == 1
    kept = weakref.ref(cuda_scene._kept[splats])
    del splats
    gc.collect()
    assert kept() is None


def parameters(splats, device, dtype=None):
    arrays = (splats.positions, splats.scales, splats.rotations, splats.opacities, splats.colors)
    return [torch.tensor(array, device=device, requires_grad=True) for array in arrays]


@pytest.mark.parametrize("antialiased", [False, True])
def test_rasterise_is_the_picture_with_gradients(device, antialiased):
    random = np.random.default_rng(10)
    splats, view = scene(random, 40, 0.3), camera(random, 40, 30)
    tensors = parameters(splats, device)
    color, depth, alpha = cuda.rasterise(*tensors, view, 0.01, antialiased)
    ours = render(splats, view, replace(CPU, antialiased=antialiased))
    np.testing.assert_allclose(color.detach().cpu(), ours.color, atol=6e-3)
    np.testing.assert_allclose(alpha.detach().cpu(), ours.alpha, atol=6e-3)
    sure = ours.alpha > 0.05
    np.testing.assert_allclose(depth.detach().cpu().numpy()[sure], ours.depth[sure], rtol=2e-2)
    (color.square().sum() + alpha.sum() + depth[torch.isfinite(depth)].sum()).backward()
    for tensor in tensors:
        assert torch.isfinite(tensor.grad).all()
        assert tensor.grad.abs().sum() > 0


@pytest.mark.parametrize("antialiased", [False, True])
def test_gradients_are_those_of_the_kernels(device, antialiased):
    from engine.render import differentiable

    random = np.random.default_rng(11)
    splats, view = (
        scene(random, 40, 0.5).with_(opacities=random.uniform(0.2, 0.8, 40)),
        camera(random, 40, 30),
    )
    toward = [
        torch.tensor(random.normal(size=(30, 40, n)[: 3 if n > 1 else 2]), dtype=torch.float32)
        for n in (3, 1, 1)
    ]
    gradients = []
    for function, place in ((cuda.rasterise, device), (differentiable.rasterise, "cpu")):
        tensors = parameters(splats, place)
        outputs = function(*tensors, view, 0.01, antialiased)
        loss = sum(
            (torch.where(a > 0.05, o, 0.0) * t.to(place)).sum()
            for o, t, a in _with_cover(outputs, toward)
        )
        loss.backward()
        gradients.append([tensor.grad.cpu() for tensor in tensors])
    for theirs, ours in zip(*gradients, strict=True):
        assert (theirs - ours).norm() <= 0.02 * ours.norm()


def _with_cover(outputs, toward):
    alpha = outputs[2].detach()
    return [
        (o, t, alpha[..., None] if o.dim() == 3 else alpha)
        for o, t in zip(outputs, toward, strict=True)
    ]


def test_bad_parameters_get_zero_gradients(device):
    random = np.random.default_rng(12)
    splats, view = scene(random, 20, 0.3), camera(random, 30, 20)
    spoilt = splats.with_(positions=np.where(np.arange(20)[:, None] == 3, np.nan, splats.positions))
    spoilt = spoilt.with_(rotations=np.where(np.arange(20)[:, None] == 4, 0, splats.rotations))
    tensors = parameters(spoilt, device)
    color, _, alpha = cuda.rasterise(*tensors, view)
    (color.sum() + alpha.sum()).backward()
    for tensor in tensors:
        assert torch.isfinite(tensor.grad).all()
        assert not tensor.grad[3:5].any()


@given(seed=st.integers(0, 10**6), pixels=st.integers(1, 12), pairs=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_the_heaviest_is_that_of_a_loop(seed, pixels, pairs):
    random = np.random.default_rng(seed)
    where, splats = np.sort(random.integers(0, pixels, pairs)), random.integers(0, 9, pairs)
    alphas = random.choice([0.1, 0.25, 0.5, 0.999], pairs).astype(np.float32)
    expected, best, light = np.full(pixels, -1), np.zeros(pixels), np.ones(pixels)
    for pixel, splat, alpha in zip(where, splats, alphas, strict=True):
        if light[pixel] * alpha > best[pixel] * (1 + 1e-5):
            expected[pixel], best[pixel] = splat, light[pixel] * alpha
        light[pixel] *= 1 - float(alpha)
    tensors = torch.tensor(splats), torch.tensor(where), torch.tensor(alphas)
    found = heaviest.heaviest_of(*tensors, pixels).numpy()
    ties = [
        np.isclose(a, b, rtol=1e-4)
        for a, b in zip(best, _second(where, alphas, pixels), strict=True)
    ]
    np.testing.assert_array_equal(found[~np.array(ties)], expected[~np.array(ties)])


def _second(where, alphas, pixels):
    second = []
    for pixel in range(pixels):
        mine = alphas[where == pixel].astype(float)
        weights = (
            np.sort(mine * np.cumprod(np.concatenate([[1], 1 - mine[:-1]])))
            if len(mine)
            else np.zeros(0)
        )
        second.append(weights[-2] if len(weights) > 1 else -1)
    return second


def test_of_equal_weights_the_front_most_wins():
    alphas = torch.tensor([0.5, 1.0 - 2**-20, 0.25], dtype=torch.float32)
    first = heaviest.heaviest_of(torch.tensor([4, 4, 2]), torch.tensor([0, 1, 1]), alphas, 2)
    assert first.tolist() == [4, 4]
    halves = torch.tensor([0.5, 0.75], dtype=torch.float64)  # 0.5 and 0.375: the first leads
    assert heaviest.heaviest_of(torch.tensor([1, 2]), torch.tensor([0, 0]), halves, 1).tolist() == [
        1
    ]
    same = torch.tensor([0.0, 0.0])
    assert heaviest.heaviest_of(torch.tensor([7, 8]), torch.tensor([0, 0]), same, 1).tolist() == [7]


def test_strips_are_the_whole_picture(device, monkeypatch):
    random = np.random.default_rng(13)
    splats, view = scene(random, 60, 0.4), camera(random, 40, 70)
    whole = cuda.render(splats, view, CPU)
    assert len(heaviest._strips([0, 5, 9], [5, 9, 20], 256)) == 1
    monkeypatch.setattr(heaviest, "MAX_PAIRS", 1)
    assert len(heaviest._strips([0, 5, 9], [5, 9, 20], 256)) == 3
    cut = cuda.render(splats, view, CPU)
    assert (
        np.mean(whole.region != cut.region) < 0.002
    )  # a splat within float32 of 1/255 or of a tie
    np.testing.assert_array_equal(whole.color, cut.color)


def test_too_little_memory_is_one_sentence(device, monkeypatch):
    import gsplat

    random = np.random.default_rng(14)
    splats, view = scene(random, 5, 0.3), camera(random, 20, 10)

    def full(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(gsplat, "rasterization", full)
    with pytest.raises(RenderError, match="too little memory for 5 splats"):
        cuda.render(splats, view)
    monkeypatch.setattr(cuda_scene, "DEVICE", "cuda")
    memory = {
        "memory_reserved": lambda: 2,
        "memory_allocated": lambda: 1,
        "mem_get_info": lambda: (100, 200),
    }
    for name, answer in memory.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    with pytest.raises(RenderError, match="render on the CPU"):
        cuda.render(splats.with_(), view)


def no_card(monkeypatch):
    monkeypatch.setattr(cuda_here, "available", lambda: False)


def test_cuda_where_there_is_none_is_one_sentence(monkeypatch):
    no_card(monkeypatch)
    random = np.random.default_rng(15)
    splats, view = scene(random, 5, 0.3), camera(random, 20, 10)
    with pytest.raises(RenderError, match="needs an NVIDIA card"):
        render(splats, view, RenderOptions(backend="cuda"))
    np.testing.assert_array_equal(render(splats, view).color, render(splats, view, CPU).color)
    with pytest.raises(ArgumentError, match="auto, cpu or cuda"):
        render(splats, view, RenderOptions(backend="metal"))


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (RenderOptions(), True),
        (RenderOptions(backend="cuda", threads=2), True),
        (RenderOptions(threads=2), False),
        (RenderOptions(twin=True), False),
        (RenderOptions(backend="cpu"), False),
    ],
)
def test_auto_takes_the_card(monkeypatch, options, asked):
    monkeypatch.setattr(cuda_here, "available", lambda: True)
    taken = []
    monkeypatch.setattr(cuda, "render", lambda *_: taken.append(1))
    random = np.random.default_rng(16)
    render(scene(random, 5, 0.3), camera(random, 20, 10), options)
    assert bool(taken) == asked


@pytest.mark.parametrize(
    ("missing", "cuda_version", "gsplat_version", "card", "compiler", "expected"),
    [
        (None, "12.8", "1.5.3", True, True, True),
        ("gsplat", "12.8", "1.5.3", True, True, False),
        (None, None, "1.5.3", True, True, False),
        (None, "12.8", "1.6.0", True, True, False),
        (None, "12.8", "1.5.3", False, True, False),
        (None, "12.8", "1.5.3", True, False, False),
    ],
)
def test_available_asks_for_every_part(
    monkeypatch, tmp_path, missing, cuda_version, gsplat_version, card, compiler, expected
):
    """A made-up installation, of which one part after the other is missing."""
    for name in cuda_here.MODULES:
        (tmp_path / name).mkdir()
    (tmp_path / "torch" / "version.py").write_text(f"cuda = {cuda_version!r}\n")

    def find(name):
        return (
            None
            if name == missing
            else SimpleNamespace(origin=str(tmp_path / name / "__init__.py"))
        )

    fake_torch = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: card))
    imported = {"torch": fake_torch, "torch.utils.cpp_extension": SimpleNamespace(CUDA_HOME=None)}
    monkeypatch.setattr(cuda_here.importlib.util, "find_spec", find)
    monkeypatch.setattr(cuda_here, "import_module", imported.__getitem__)
    monkeypatch.setattr(cuda_here, "version", lambda _: gsplat_version)
    monkeypatch.setattr(cuda_here.shutil, "which", lambda _: "/usr/bin/nvcc" if compiler else None)
    assert cuda_here.available.__wrapped__() is expected


def test_the_renderer_does_not_import_pytorch():
    program = (
        "import sys, numpy as np\n"
        "from engine.render import RenderOptions, cuda_here\n"
        "assert 'torch' not in sys.modules\n"
        "if not cuda_here._built_for_cuda():\n"
        "    assert not cuda_here.available()\n"
        "    assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
