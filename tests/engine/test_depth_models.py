"""Depth networks: pictures go in and depth comes out on the same pixels, in our world, and what fails says so."""

import importlib.util
import json
import math
import socket
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import models
from engine.depth import DepthOptions, placing
from engine.depth.estimating import BUILTIN, SOURCES, estimate
from engine.depth.learned.preparing import PREPARATIONS, Preparation, prepare, restore
from engine.depth.learned.resampling import resample, weights
from engine.errors import Cancelled, DepthError
from engine.image import Photo
from engine.progress import Progress

from . import raycast

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from engine.depth.learned import torch_models as networks  # noqa: E402

from . import tiny_models  # noqa: E402

FAMILIES = list(tiny_models.FAMILIES)
BYTE = 1 / 255


def photo_of(colours: np.ndarray, focal_px: float | None = None) -> Photo:
    return Photo(
        "scene", ".png", b"", np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8), {}, focal_px
    )


@cache
def street():
    return raycast.shoot(raycast.street(), raycast.camera(320, 240, focal=250.0, pitch=3, roll=1))


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {family: tiny_models.save(family, root / family) for family in FAMILIES}


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No model of this machine's user, and no connection."""

    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("ANCHORSTAGE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    networks.forget()


# --- pictures to networks and back
# -----------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(["bilinear", "bicubic"]),
    st.booleans(),
    st.booleans(),
)
def test_resampling_keeps_what_is_even(count, target, kernel, averaging, corners):
    matrix = weights(count, target, kernel, averaging=averaging, corners=corners)
    assert matrix.shape == (target, count)
    assert np.allclose(matrix.sum(axis=1), 1, atol=1e-6)
    assert np.allclose(weights(count, count, kernel, corners=corners), np.eye(count), atol=1e-6)


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("size", [(31, 40), (90, 57), (140, 200)])
def test_sampling_is_torchs(kernel, corners, size):
    picture = np.random.default_rng(1).random((57, 90, 2), np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(picture).permute(2, 0, 1)[None], size, mode=kernel, align_corners=corners
    )[0].permute(1, 2, 0)
    assert np.abs(resample(picture, size, kernel, corners=corners) - theirs.numpy()).max() < 1e-5


@settings(max_examples=100, deadline=None)
@given(
    st.integers(64, 3000),
    st.integers(64, 3000),
    st.sampled_from(["depth_anything", "prompt_depth_anything", "zoedepth"]),
)
def test_sizes_are_the_reference_processors(height, width, family):
    from transformers.models.dpt.image_processing_pil_dpt import get_resize_output_image_size

    how = PREPARATIONS[family]
    ours = how.size(height, width)
    assert ours[0] % how.multiple == ours[1] % how.multiple == 0
    if max(height, width) < 3 * min(height, width):
        wanted = get_resize_output_image_size(
            np.empty((3, height, width)), (how.height, how.width), True, how.multiple
        )
        assert ours == (wanted.height, wanted.width)


@pytest.mark.parametrize("sides", [(64, 100_000), (100_000, 64), (64, 64)])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_strip_does_not_fill_the_memory(family, sides):
    how = PREPARATIONS[family]
    height, width = how.size(*sides)
    assert height * width <= 4.2 * how.height * how.width + how.multiple * max(height, width)


def reference(family: str, **more):
    """The processor that comes with transformers, on Pillow."""
    names = {"depth_anything": "dpt.image_processing_pil_dpt.DPTImageProcessorPil"}
    names["prompt_depth_anything"] = (
        "prompt_depth_anything.image_processing_pil_prompt_depth_anything.PromptDepthAnythingImageProcessorPil"
    )
    names["zoedepth"] = "zoedepth.image_processing_pil_zoedepth.ZoeDepthImageProcessorPil"
    module, _, name = f"transformers.models.{names[family]}".rpartition(".")
    how = PREPARATIONS[family]
    return getattr(importlib.import_module(module), name)(
        size={"height": how.height, "width": how.width},
        ensure_multiple_of=how.multiple,
        keep_aspect_ratio=True,
        image_mean=list(how.mean),
        image_std=list(how.deviation),
        **more,
    )


@pytest.mark.parametrize("sides", [(300, 450), (640, 480), (700, 1100)])
@pytest.mark.parametrize("family", ["depth_anything", "prompt_depth_anything", "zoedepth"])
def test_pictures_are_prepared_as_the_reference_does(family, sides):
    pytest.importorskip("PIL")
    noise = np.random.default_rng(2).random((*sides, 3), np.float32)
    picture = np.round(cv2.GaussianBlur(noise, (0, 0), 1.5) * 255).astype(np.uint8)
    theirs = reference(family)(picture, return_tensors="np")["pixel_values"][0]
    ours = prepare(picture.astype(np.float32) / 255, PREPARATIONS[family])
    assert ours.shape == theirs.shape
    tolerance = (
        1e-4 if family == "zoedepth" else 1.2 * BYTE / min(PREPARATIONS[family].deviation)
    )  # Pillow rounds to bytes
    assert np.abs(ours - theirs).max() < tolerance


def test_depth_pros_picture_is_prepared_as_the_reference_does():
    """Its processor needs torchvision; these are its two lines in torch: first the mean, then the size."""
    picture = np.random.default_rng(2).random((300, 420, 3), np.float32)
    normal = (torch.from_numpy(picture).permute(2, 0, 1)[None] - 0.5) / 0.5
    theirs = torch.nn.functional.interpolate(
        normal, (1536, 1536), mode="bilinear", align_corners=False
    )[0]
    assert np.abs(prepare(picture, PREPARATIONS["depth_pro"]) - theirs.numpy()).max() < 1e-4


@pytest.mark.parametrize("family", FAMILIES)
def test_ramps_stay_ramps(family):
    how = replace(PREPARATIONS[family], padded=False)
    small, large = ramps(28, 42)[..., 0], ramps(90, 131)[..., 0]
    if how.corners:
        small, large = (
            np.broadcast_to(np.linspace(0, 1, a.shape[1]), a.shape) for a in (small, large)
        )
    assert np.abs(restore(small, how, 90, 131) - large)[:, 4:-4].max() < 1e-4


def test_a_models_own_file_is_believed_where_it_makes_sense():
    how = PREPARATIONS["depth_anything"]
    told = how.with_file(
        {
            "size": {"height": 56, "width": 70},
            "ensure_multiple_of": 28,
            "resample": 2,
            "image_mean": [0.1] * 3,
        }
    )
    assert (told.height, told.width, told.multiple, told.kernel, told.mean) == (
        56,
        70,
        28,
        "bilinear",
        (0.1, 0.1, 0.1),
    )
    senseless = {
        "size": 3,
        "ensure_multiple_of": -1,
        "resample": None,
        "image_mean": "x",
        "image_std": [0, 0, 0],
        "do_pad": 1,
    }
    assert how.with_file(senseless) == how
    assert how.with_file({}) == how


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["height", "width"]), inner)
    ),
    max_leaves=6,
)
KEYS = [
    "size",
    "ensure_multiple_of",
    "keep_aspect_ratio",
    "do_pad",
    "image_mean",
    "image_std",
    "resample",
]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.sampled_from(FAMILIES))
def test_no_file_at_all_makes_a_preparation_that_cannot_be_used(record, family):
    how = PREPARATIONS[family].with_file(record)
    height, width = how.size(48, 64)
    assert height >= 1
    assert width >= 1
    assert np.isfinite(how.mean).all()
    assert min(how.deviation) > 0


class Seer(torch.nn.Module):
    """A network that knows: its depth is a number per pixel of the picture it is given, no other."""

    def __init__(self, how: Preparation, depth):
        super().__init__()
        self.how, self.depth, self.layer, self.prompt, self.fov = (
            how,
            depth,
            torch.nn.Identity(),
            None,
            None,
        )

    def forward(self, pixel_values, prompt_depth=None):
        self.prompt = prompt_depth
        mean, deviation = (
            torch.tensor(v)[:, None, None] for v in (self.how.mean, self.how.deviation)
        )
        depth = self.depth(*(self.layer(pixel_values)[0] * deviation + mean))
        return SimpleNamespace(predicted_depth=depth[None], field_of_view=self.fov)


def local(family: str, card: models.ModelCard | None = None) -> models.LocalModel:
    return models.LocalModel(Path(family), family, card, {}, {})


def seer(
    family: str, depth=lambda red, green, blue: 2 + 5 * red + 3 * green, **how
) -> networks.TorchModel:
    network = networks.TorchModel(local(family), None, "cpu")
    network.how = replace(network.how, **how)
    network.module = Seer(network.how, depth)
    return network


def ramps(height: int, width: int) -> np.ndarray:
    """A picture whose colour says where each pixel lies: red its column, green its row, both 0..1 edge to edge."""
    picture = np.zeros((height, width, 3), np.float32)
    picture[..., 0] = (np.arange(width) + 0.5) / width
    picture[..., 1] = ((np.arange(height) + 0.5) / height)[:, None]
    return picture


@pytest.mark.parametrize("sides", [(97, 131), (131, 97), (240, 320), (64, 300)])
@pytest.mark.parametrize("family", FAMILIES)
def test_depth_comes_back_on_the_pixel_it_was_seen_at(family, sides):
    picture = ramps(*sides)
    plane = lambda red, green: 0.1 + 0.5 * red + 0.3 * green  # noqa: E731 - inverse metres
    if family == "depth_pro":  # its own inverse depth is for a focal length of one width
        network = seer(family, lambda red, green, blue: plane(red, green), height=112, width=112)
    else:
        network = seer(
            family, lambda red, green, blue: 1 / plane(red, green), height=112, width=112
        )
    found = (
        1 / network.predict(picture, float(sides[1]), np.ones(sides, np.float32), Progress()).depth
    )
    off = (found - plane(picture[..., 0], picture[..., 1])) / max(
        0.5 / sides[1], 0.3 / sides[0]
    )  # pixels
    assert np.abs(off[8:-8, 8:-8]).max() < 0.03
    assert np.abs(off).max() < 1.5  # where the picture ends, so does the ramp


def test_depth_pros_metres_follow_the_focal_length():
    picture = ramps(60, 80)
    network = seer("depth_pro", lambda red, green, blue: 0.5 + 0 * red, height=64, width=64)
    network.module.fov = torch.tensor([90.0])
    told = network.predict(picture, None, None, Progress())
    assert told.focal == pytest.approx(40)
    assert np.allclose(told.depth, 1 / (0.5 * 80 / 40))
    known = network.predict(picture, 160.0, None, Progress())
    assert np.allclose(known.depth, 1 / (0.5 * 80 / 160))
    network.module.fov = None
    with pytest.raises(DepthError, match="focal length"):
        network.predict(picture, None, None, Progress())


@pytest.mark.parametrize("shape", [(90, 120), (120, 90)])
def test_the_prompt_is_our_depth_and_never_flat(shape):
    network = seer("prompt_depth_anything", height=56, width=56)
    prompt = np.linspace(2, 8, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    network.predict(np.zeros((*shape, 3), np.float32), None, prompt, Progress())
    seen = network.module.prompt[0, 0].numpy()
    assert sorted(seen.shape) == [192, 256]
    assert (seen.shape[1] > seen.shape[0]) == (shape[1] > shape[0])
    assert np.allclose([seen.min(), seen.max()], [2, 8], atol=0.05)
    network.predict(
        np.zeros((*shape, 3), np.float32), None, np.full(shape, 50, np.float32), Progress()
    )
    flat = network.module.prompt
    assert float(flat.max() - flat.min()) > 0.01


# --- through the folder, as an artist's model comes
# ------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_opens_from_a_folder_and_keeps_the_promises(folders, family):
    truth = street()
    options = DepthOptions(model_folder=str(folders[family]), focal_px=truth.view.fx)
    found = estimate(photo_of(truth.colours), options)
    shape = (found.view.height, found.view.width)
    maps = (found.depth, found.uncertainty, found.confidence, found.sky, found.ground)
    assert {a.shape for a in maps} == {shape}
    assert np.isfinite(found.depth).all()
    assert found.depth.min() > 0
    assert found.uncertainty.min() > 0
    assert 0 <= found.confidence.min() <= found.confidence.max() <= 1
    assert np.allclose(np.linalg.norm(found.normal, axis=-1), 1, atol=1e-4)
    towards = found.view.position - found.view.unproject(found.depth)
    assert ((found.normal * towards).sum(-1) > -1e-5 * np.linalg.norm(towards, axis=-1)).all()
    assert {a.dtype for a in (found.depth, found.uncertainty, found.confidence, found.normal)} == {
        np.dtype(np.float32)
    }
    assert found.view.fx == pytest.approx(truth.view.fx)
    assert not (found.sky & found.ground).any()
    assert family in found.source


def test_the_same_folder_gives_the_same_depth_and_a_changed_one_is_read_anew(folders, tmp_path):
    picture = street().colours[::4, ::4]
    once = networks.load(models.inspect(folders["depth_anything"]))
    again = networks.load(models.inspect(folders["depth_anything"]))
    assert once.module is again.module
    first, second = (n.predict(picture, None, None, Progress()).depth for n in (once, again))
    assert np.array_equal(first, second)
    other = networks.load(models.inspect(tiny_models.save("zoedepth", tmp_path / "z")))
    assert other.module is not once.module


def test_depth_pros_field_of_view_stands_in_for_exif(folders):
    truth = street()
    at = DepthOptions(model_folder=str(folders["depth_pro"]))
    width = truth.colours.shape[1]
    told = estimate(photo_of(truth.colours), at)
    assert told.view.fx == pytest.approx(
        0.5 * width / math.tan(math.radians(tiny_models.FOV_DEGREES / 2)), rel=1e-4
    )
    assert "from the depth model" in told.source
    exif = estimate(photo_of(truth.colours, focal_px=777.0), at)
    assert exif.view.fx == pytest.approx(777)
    assert "from EXIF" in exif.source


def test_every_name_is_a_source():
    assert set(SOURCES) == {BUILTIN, *models.MODELS}
    with pytest.raises(DepthError, match="not on this machine"):
        estimate(photo_of(street().colours), DepthOptions("zoedepth"))
    with pytest.raises(DepthError, match="magic"):
        estimate(photo_of(street().colours), DepthOptions("magic"))


# --- a network's metres in our world
# ---------------------------------------------------------------------------------


@cache
def base():
    truth = street()
    return estimate(
        photo_of(truth.colours), DepthOptions(focal_px=truth.view.fx, camera_height=1.6)
    )


def true_depth(far: float = 200.0) -> np.ndarray:
    return np.where(np.isfinite(street().depth), street().depth, far).astype(np.float32)


OUTDOORS = models.MODELS["depth-anything-v2-outdoor-small"]


def place(depth, card=OUTDOORS, height=None, focal=500.0):
    known = placing.Known(focal, "given", height)
    origin = placing.Origin(local("depth_anything", card).title, card)
    return placing.place(street().colours, depth, known, origin, base=base()).estimate


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.8])
def test_the_models_own_metres_tell_the_cameras_height(factor):
    found = place(true_depth() * factor)
    assert found.view.position[2] == pytest.approx(1.6 * factor, rel=0.03)
    assert np.allclose(found.view.world_from_camera[:3, :3], base().view.world_from_camera[:3, :3])
    ground = found.ground & (street().surface == 0)
    assert ground.sum() > 0.6 * (street().surface == 0).sum()
    assert np.median(np.abs(found.view.unproject(found.depth)[ground][:, 2])) < 0.05 * factor
    solid = ~found.sky
    assert np.allclose(found.depth[solid], true_depth()[solid] * factor)


@pytest.mark.parametrize("factor", [0.5, 1.3, 3.0])
def test_a_given_height_fixes_the_scale_of_everything(factor):
    found = place(true_depth() * factor, height=1.6)
    assert found.view.position[2] == 1.6
    solid = ~found.sky
    ratio = found.depth[solid] / true_depth()[solid]
    assert np.median(ratio) == pytest.approx(1, abs=0.03)
    assert any("scaled to the camera height" in w for w in found.warnings) == (factor in (0.5, 3.0))


def test_where_the_model_sees_no_floor_its_metres_stay():
    wall = np.full(base().depth.shape, 4, np.float32)
    found = place(wall, height=2.0)
    assert (found.depth[~found.sky] == 4).all()
    assert found.view.position[2] == 2.0
    assert place(wall).view.position[2] == pytest.approx(base().view.position[2])
    assert not found.ground.any()


def test_sky_is_far_unless_the_model_sees_it_near():
    found = place(true_depth())
    assert np.array_equal(found.sky, base().sky)
    assert found.sky.any()
    assert found.depth[found.sky].min() >= max(100, 1.5 * found.depth[~found.sky].max() * 0.999)
    near = place(true_depth(far=2.0))
    assert not near.sky.any()
    rooms = place(true_depth(), models.MODELS["depth-anything-v2-indoor-small"])
    assert not rooms.sky.any()
    assert any("made for rooms" in warning for warning in rooms.warnings)


def test_edges_and_poorer_models_are_trusted_less():
    found = place(true_depth())
    logs = np.log(found.depth)
    steps = np.abs(np.diff(logs, axis=1, append=logs[:, -1:]))
    edge, flat = (steps > 0.3) & ~found.sky, (steps < 0.01) & ~found.sky
    edge[:, :-1] &= ~found.sky[:, 1:]
    assert found.confidence[edge].max() < found.confidence[flat].mean()
    poorer = place(true_depth(), models.MODELS["prompt-depth-anything-small"])
    assert poorer.confidence[~found.sky].mean() < found.confidence[~found.sky].mean()
    assert (place(true_depth(), focal=None).uncertainty >= found.uncertainty * 0.999).all()


def test_a_licence_that_forbids_commerce_is_said():
    cards = list(models.MODELS.values())
    assert {card.commercial for card in cards} == {True, False}  # there is one of each to try
    for card in cards:
        warnings = place(true_depth(), card).warnings
        is_said = any("no commercial use" in warning for warning in warnings)
        assert is_said != card.commercial


# --- what can go wrong
# -----------------------------------------------------------------------------------------------


def refused(folder, **options) -> str:
    with pytest.raises(DepthError) as caught:
        estimate(
            photo_of(street().colours[::3, ::3]), DepthOptions(model_folder=str(folder), **options)
        )
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_without_the_ai_engine_the_built_in_depth_stays(folders, monkeypatch, package):
    here = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == package else here(name, *a)
    )
    assert "needs the AI engine" in refused(folders["zoedepth"])
    assert estimate(photo_of(street().colours[::3, ::3])).source.startswith("builtin")


def test_packages_that_clash_are_one_sentence(folders, monkeypatch):
    import engine.depth.learned

    monkeypatch.setitem(sys.modules, "engine.depth.learned.torch_models", None)
    monkeypatch.delattr(engine.depth.learned, "torch_models")
    assert "does not start" in refused(folders["zoedepth"])


def test_weights_that_are_missing_or_of_another_shape_are_not_made_up(folders, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = load_file(folders["depth_anything"] / "model.safetensors")
    name = next(key for key in weights if "head" in key)
    for spoiled, words in (
        ({k: v for k, v in weights.items() if k != name}, "1 of its weights"),
        ({**weights, name: torch.zeros(3, 5)}, "config.json"),
    ):
        folder = tmp_path / words[:3]
        folder.mkdir()
        save_file(spoiled, folder / "model.safetensors", {"format": "pt"})
        for other in ("config.json", "preprocessor_config.json"):
            (folder / other).write_bytes((folders["depth_anything"] / other).read_bytes())
        assert words in refused(folder)


def test_a_description_that_makes_no_sense_is_refused(folders, tmp_path):
    for record in ({"model_type": "zoedepth", "backbone_config": 7}, {"model_type": "zoedepth"}):
        folder = tmp_path / str(len(record))
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(record))
        (folder / "model.safetensors").write_bytes(
            (folders["depth_anything"] / "model.safetensors").read_bytes()
        )
        assert str(folder) in refused(folder)


def test_another_kind_than_the_named_one_is_refused(folders):
    assert "not ZoeDepth" in refused(folders["depth_pro"], source="zoedepth")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        RuntimeError("MPS backend out of memory"),
    ],
    ids=["python", "cuda", "cpu", "mps"],
)
def test_no_memory_is_one_sentence(error):
    def burst(*_):
        raise error

    with pytest.raises(DepthError, match="not enough memory"):
        seer("zoedepth", burst, height=64, width=64).predict(ramps(64, 64), None, None, Progress())


def test_a_network_that_fails_or_gives_nothing_is_one_sentence():
    def fail(*_):
        raise RuntimeError("sizes of tensors must match")

    with pytest.raises(DepthError, match="does not fit its own description"):
        seer("zoedepth", fail, height=64, width=64).predict(ramps(64, 64), None, None, Progress())
    with pytest.raises(DepthError, match="no depth"):
        seer("zoedepth", lambda red, *_: red * float("nan"), height=64, width=64).predict(
            ramps(64, 64), None, None, Progress()
        )


def test_cancel_takes_effect_between_two_layers(folders):
    progress = Progress()
    network = networks.load(models.inspect(folders["depth_anything"]))
    layers = []
    modules = list(network.module.modules())

    def done(*_):
        layers.append(1)
        progress.cancel()

    hooks = [layer.register_forward_hook(done) for layer in modules]
    with pytest.raises(Cancelled):
        network.predict(ramps(64, 64), None, None, progress)
    assert 0 < len(layers) < 0.1 * len(modules)
    for hook in hooks:
        hook.remove()
    assert not any(layer._forward_pre_hooks for layer in modules)
    assert network.predict(ramps(64, 64), None, None, Progress()).depth.shape == (64, 64)


def test_cancel_before_a_model_is_opened(folders):
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        estimate(
            photo_of(street().colours),
            DepthOptions(model_folder=str(folders["zoedepth"])),
            progress,
        )
