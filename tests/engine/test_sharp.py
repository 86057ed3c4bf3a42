"""SHARP's Gaussians in our world: its PLY as it writes it, and its package where that is."""

import importlib.util
import json
import struct
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cli import anchorstage, refused

from engine.camera import View
from engine.colour import decode_srgb, encode_srgb
from engine.errors import AnchorStageError, Cancelled, SplatError
from engine.formats.ply import read_ply
from engine.formats.sharp_ply import read_camera_frame
from engine.geometry import LOOK_ALONG_Y, pose, quaternion_to_matrix, rotation_about
from engine.jobs import Desk, run_job
from engine.makers.judging import judged
from engine.makers.sharp import fewest
from engine.progress import Progress
from engine.render import RenderOptions
from engine.render.rasteriser import render
from engine.scene.folder import open_scene
from engine.splats import HIDDEN_LAYER, OUTPAINTED, PHOTOGRAPHED, Splats
from engine.splats.moving import moved

from . import raycast

SH_0 = np.sqrt(1 / (4 * np.pi))
VERTEX = [
    "x",
    "y",
    "z",
    "f_dc_0",
    "f_dc_1",
    "f_dc_2",
    "opacity",
    "scale_0",
    "scale_1",
    "scale_2",
    *(f"rot_{i}" for i in range(4)),
]


def cloud(count=400, seed=0):
    """Gaussians before a camera, OpenCV frame: positions, scales, quaternions, sRGB colours, opacities."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(2, 9, count)
    positions = np.c_[rng.uniform(-0.5, 0.5, (count, 2)) * depth[:, None], depth]
    rotations = rng.normal(size=(count, 4))
    rotations /= np.linalg.norm(rotations, axis=1, keepdims=True)
    return (
        positions,
        rng.uniform(0.01, 0.2, (count, 3)),
        rotations,
        rng.uniform(0, 1, (count, 3)),
        rng.uniform(0.05, 1, count),
    )


def write_sharp(path, gaussians, size=(640, 480), focal=500.0, linear=None, **changes):
    """A PLY with the elements, types and order of SHARP's `save_ply`; `changes` replaces or (None) leaves out an element."""
    positions, scales, rotations, colors, opacities = gaussians
    with np.errstate(divide="ignore"):
        logits = np.log(opacities / (1 - opacities))
    rows = np.c_[positions, (colors - 0.5) / SH_0, logits, np.log(scales), rotations].astype("<f4")
    width, height = size
    elements = {
        "extrinsic": ("float", "<f4", np.eye(4).ravel()),
        "intrinsic": ("float", "<f4", [focal, 0, width / 2, 0, focal, height / 2, 0, 0, 1]),
        "image_size": ("uint", "<u4", [width, height]),
        "frame": ("int", "<i4", [1, len(rows)]),
        "disparity": ("float", "<f4", np.quantile(1 / positions[:, 2], [0.1, 0.9])),
        "color_space": ("uchar", "<u1", [int(bool(linear))]),
        "version": ("uchar", "<u1", [1, 5, 0]),
    }
    elements = {name: entry for name, entry in (elements | changes).items() if entry is not None}
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(rows)}",
        *(f"property float {n}" for n in VERTEX),
    ]
    for name, (kind, _, values) in elements.items():
        header += [f"element {name} {len(values)}", f"property {kind} {name}"]
    data = "\n".join([*header, "end_header\n"]).encode()
    path.write_bytes(
        data + rows.tobytes() + b"".join(np.array(v, t).tobytes() for _, t, v in elements.values())
    )
    return path


@pytest.fixture
def ply(tmp_path):
    return write_sharp(tmp_path / "gaussiennes é.ply", cloud())


def import_sharp(path, height=1.6):
    """A PLY's Gaussians judged and moved into the world: Z up, the camera at a height, looking along +Y."""
    gaussians, view = read_camera_frame(path)
    stand = pose(LOOK_ALONG_Y, np.array([0.0, 0.0, height]))
    placed = moved(judged(gaussians, view), stand)
    return placed, replace(view, world_from_camera=stand)


def import_splats(path, output, progress=None, **options):
    """The summary of the scene that the job `import` makes of a PLY."""
    desk = Desk.local(progress, lends={"file": path})
    return run_job("import", {"output": str(output), **options}, desk)


def covariances(splats):
    matrices = quaternion_to_matrix(splats.rotations.astype(float))
    return matrices @ (splats.scales[:, :, None].astype(float) ** 2 * matrices.transpose(0, 2, 1))


def test_the_plain_reader_takes_sharps_file(ply):
    positions, scales, _, colors, opacities = cloud()
    read = read_ply(ply)
    assert np.allclose(read.positions, positions, atol=1e-5)
    assert np.allclose(read.scales, scales, rtol=1e-4)
    assert np.allclose(read.colors, colors, atol=1e-4)
    assert np.allclose(read.opacities, opacities, atol=1e-4)


@pytest.mark.parametrize("height", [0.5, 1.6, 12.0])
def test_the_camera_stands_at_its_height_and_looks_along_y(ply, height):
    positions, scales, rotations, _, _ = cloud()
    splats, view = import_sharp(ply, height)
    assert (view.fx, view.fy, view.cx, view.cy, view.width, view.height) == (
        500,
        500,
        320,
        240,
        640,
        480,
    )
    assert np.allclose(view.position, [0, 0, height])
    assert np.allclose(view.world_from_camera[:3, 2], [0, 1, 0])
    pixels, depth = view.project(splats.positions)
    assert np.allclose(depth, positions[:, 2], atol=1e-5)
    assert np.allclose(pixels, positions[:, :2] / positions[:, 2:] * 500 + [320, 240], atol=0.01)
    assert np.allclose(
        splats.positions[:, 2], height - positions[:, 1], atol=1e-5
    )  # down in the photo is down in the world
    turned = (
        LOOK_ALONG_Y
        @ covariances(SimpleNamespace(rotations=rotations, scales=scales))
        @ LOOK_ALONG_Y.T
    )
    assert np.allclose(covariances(splats), turned, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-3, 3),
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1),
    st.floats(0.1, 5),
)
def test_moving_carries_positions_and_covariances_alike(angle, axis, scale):
    splats = Splats(
        *cloud(20)[:3], cloud(20)[4], cloud(20)[3], np.ones(20), np.zeros(20), np.zeros(20)
    )
    transform = pose(rotation_about(np.array(axis), angle), np.array([1.0, -2, 3]))
    there = moved(splats, transform, scale)
    rotation = transform[:3, :3]
    assert np.allclose(
        there.positions, scale * splats.positions @ rotation.T + [1, -2, 3], atol=1e-4
    )
    assert np.allclose(
        covariances(there), scale**2 * rotation @ covariances(splats) @ rotation.T, atol=1e-4
    )
    back = moved(there, np.linalg.inv(transform))
    assert np.allclose(back.positions, scale * splats.positions, atol=1e-4)


def test_moving_says_that_it_drops_harmonics(caplog):
    plain = Splats(
        *cloud(20)[:3], cloud(20)[4], cloud(20)[3], np.ones(20), np.zeros(20), np.zeros(20)
    )
    with caplog.at_level("INFO"):
        moved(plain, np.eye(4))
        assert not caplog.text
        assert moved(plain.with_(sh=np.ones((20, 3, 3))), np.eye(4)).sh is None
    assert "20 splats" in caplog.text
    assert "harmonics" in caplog.text


def test_colours_are_encoded_whatever_the_file_says(tmp_path):
    positions, scales, rotations, colors, opacities = cloud()
    linear = (positions, scales, rotations, decode_srgb(colors), opacities)
    for gaussians, options in (
        (cloud(), {}),
        (linear, {"linear": True}),
        (linear, {"color_space": None}),  # early files say nothing and are linear
    ):
        splats, _ = import_sharp(write_sharp(tmp_path / "x.ply", gaussians, **options))
        assert np.allclose(splats.colors, colors, atol=1e-3)
    assert np.allclose(encode_srgb(decode_srgb(colors)), colors, atol=1e-5)


def test_early_files_and_files_without_a_camera_open(tmp_path, ply):
    wanted, view = import_sharp(ply)
    legacy = {"intrinsic": ("float", "<f4", [500, 500, 640, 480]), "image_size": None}
    old, old_view = import_sharp(write_sharp(tmp_path / "old.ply", cloud(), **legacy))
    assert np.allclose(old.positions, wanted.positions)
    assert (old_view.fx, old_view.width, old_view.height) == (view.fx, 640, 480)
    bare = dict.fromkeys(
        ("extrinsic", "intrinsic", "image_size", "frame", "disparity", "color_space", "version")
    )
    plain, plain_view = import_sharp(write_sharp(tmp_path / "plain.ply", cloud(), **bare))
    assert np.allclose(plain.positions, wanted.positions)
    assert np.allclose(plain.colors, wanted.colors)
    assert (plain_view.fx, plain_view.width) == (512, 640)


@pytest.mark.parametrize("early", [False, True])
def test_a_camera_elsewhere_brings_its_world_along(tmp_path, ply, early):
    """The same Gaussians in a world of the file's own, with the camera said by `extrinsic`."""
    positions, scales, rotations, colors, opacities = cloud()
    camera_from_file = pose(rotation_about(np.array([1.0, 2, -0.5]), 0.8), np.array([0.3, -1, 2]))
    inverse = np.linalg.inv(camera_from_file)
    plain = Splats(positions, scales, rotations, opacities, colors, opacities, opacities, opacities)
    there = moved(plain, inverse)
    gaussians = (there.positions, there.scales, there.rotations, colors, opacities)
    said = camera_from_file.copy()
    if early:
        said[:3, :3] = said[:3, :3].T
        said = said[:3]
    path = write_sharp(tmp_path / "moved.ply", gaussians, extrinsic=("float", "<f4", said.ravel()))
    found, wanted = import_sharp(path)[0], import_sharp(ply)[0]
    assert np.allclose(found.positions, wanted.positions, atol=1e-4)
    assert np.allclose(covariances(found), covariances(wanted), atol=1e-4)


def test_quite_opaque_and_quite_thin_gaussians_are_kept(tmp_path):
    positions, scales, rotations, colors, opacities = cloud()
    opacities[:50], scales = 1.0, scales.copy()
    scales[:5, 2] = 1e-30
    splats, _ = import_sharp(
        write_sharp(tmp_path / "x.ply", (positions, scales, rotations, colors, opacities))
    )
    assert len(splats) == len(positions)
    assert np.allclose(splats.opacities[:50], 1)
    assert np.isfinite(splats.scales).all()


def test_what_lies_behind_and_beside_was_not_photographed():
    view = View(100.0, 100.0, 64.0, 48.0, 128, 96, np.eye(4))
    u, v = np.meshgrid(np.arange(0.5, 128, 0.5), np.arange(0.5, 96, 0.5))

    def wall(depth):
        return np.c_[
            (u.ravel() - 64) / 100 * depth, (v.ravel() - 48) / 100 * depth, np.full(u.size, depth)
        ]

    positions = np.vstack(
        [wall(3.0), wall(5.0), wall(3.0) * [1, 1, -1], wall(3.0) + np.array([20, 0, 0]), wall(2.0)]
    )
    count = u.size
    opacities = np.repeat([0.9, 0.9, 0.9, 0.9, 0.01], count)  # the last is glass: it hides nothing
    one = np.ones(len(positions))
    turned = np.c_[one, one * 0, one * 0, one * 0]
    splats = Splats(
        positions,
        np.c_[one, one, one] * 0.01,
        turned,
        opacities,
        np.c_[one, one, one],
        one,
        one * -1,
        one * 0,
    )
    origin = judged(splats, view).origin.reshape(5, count)
    assert [np.unique(part).tolist() for part in origin] == [
        [PHOTOGRAPHED],
        [HIDDEN_LAYER],
        [OUTPAINTED],
        [OUTPAINTED],
        [PHOTOGRAPHED],
    ]
    confidence = judged(splats, view).confidence.reshape(5, count)
    assert confidence[0].min() > confidence[1].max()
    assert confidence[4].min() > confidence[3].max()


def _cut(path):
    path.write_bytes(path.read_bytes()[:-3000])


def _text(path):
    path.write_text("ply\nformat ascii 1.0\nelement vertex 0\nend_header\n")


def _replace(old, new):
    return lambda path: path.write_bytes(path.read_bytes().replace(old, new))


BROKEN = {
    "missing": lambda path: path.unlink(),
    "no ply": lambda path: path.write_bytes(b"hello"),
    "empty": lambda path: path.write_bytes(b""),
    "cut short": _cut,
    "ascii": _text,
    "no opacity": _replace(b"property float opacity", b"property float opaciti"),
    "unknown type": _replace(b"property float opacity", b"property thing opacity"),
    "negative count": _replace(b"element vertex 400", b"element vertex -40"),
    "no count": _replace(b"element vertex 400", b"element vertex all"),
    "no pixels": _replace(struct.pack("<II", 640, 480), struct.pack("<II", 0, 480)),
    "no focal length": _replace(struct.pack("<f", 500), struct.pack("<f", float("nan"))),
    "no rotation": _replace(np.eye(4, dtype="<f4").tobytes(), np.zeros((4, 4), "<f4").tobytes()),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_file_of_sharps_is_one_sentence(ply, case):
    BROKEN[case](ply)
    with pytest.raises(SplatError) as caught:
        import_sharp(ply)
    assert str(ply) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_that_are_no_numbers_are_refused(tmp_path):
    positions, *rest = cloud()
    positions[3, 1] = np.nan
    with pytest.raises(SplatError, match="1 of 400"):
        import_sharp(write_sharp(tmp_path / "x.ply", (positions, *rest)))


# --- a scene --------------------------------------------------------------------------------------
# -------------------

SIZE = (240, 180)


def street(scale=1.0):
    """A street as SHARP would see it: one Gaussian a pixel, in the camera's frame, and the picture they come from."""
    shot = raycast.shoot(raycast.street(), raycast.camera(*SIZE, focal=190.0, pitch=-4))
    depth = np.where(np.isfinite(shot.depth), shot.depth, 150.0) * scale
    positions = (shot.view.rays() * depth[..., None]).reshape(-1, 3)
    size = np.repeat(depth.ravel()[:, None] / 190 * 0.6, 3, axis=1)
    count = len(positions)
    rotations = np.tile([1.0, 0, 0, 0], (count, 1))
    return shot, (
        positions,
        size,
        rotations,
        np.clip(shot.colours, 0, 1).reshape(-1, 3),
        np.full(count, 0.98),
    )


@pytest.fixture(scope="module")
def street_ply(tmp_path_factory):
    return write_sharp(tmp_path_factory.mktemp("sharp") / "street.ply", street()[1], SIZE, 190.0)


def test_a_file_becomes_a_scene_that_stands_on_the_ground(street_ply, tmp_path):
    done = json.loads(
        anchorstage("import", street_ply, "-o", "s.anchorstage", "--json", folder=tmp_path).stdout
    )
    shot = street()[0]
    made = open_scene(tmp_path / "s.anchorstage")
    assert done["splats"] == len(made.splats) == SIZE[0] * SIZE[1]
    assert {"ground", "sky"} <= {region.id for region in made.regions}
    assert "SHARP" in made.depth_source
    assert any("no commercial use" in warning for warning in made.warnings)
    assert made.camera().position[2] == pytest.approx(1.6, rel=0.05)
    up = made.camera().world_from_camera[2, :3]
    assert np.degrees(np.arccos(np.clip(up @ shot.view.world_from_camera[2, :3], -1, 1))) < 1.5
    ground = (shot.surface == 0).ravel()
    assert np.abs(made.splats.positions[ground][:, 2]).mean() < 0.15
    on_ground = made.splats.region[ground]
    named = [region.id for region in made.regions]
    assert (on_ground == named.index("ground")).mean() > 0.6
    view = made.camera().view(*SIZE)
    drawn = render(made.splats, view, RenderOptions(color_only=True))
    near = np.isfinite(shot.depth) & (shot.depth < 20)
    assert np.median(np.abs(drawn.depth / shot.depth - 1)[near]) < 0.05
    assert np.abs(drawn.color - shot.colours)[near].mean() < 0.08


def test_another_programs_file_is_not_said_to_be_sharps(tmp_path):
    bare = dict.fromkeys(("extrinsic", "frame", "disparity", "color_space", "version"))
    positions, size, rotations, colors, opacities = street()[1]
    path = write_sharp(
        tmp_path / "mine.ply",
        (positions, size, rotations, decode_srgb(colors), opacities),
        SIZE,
        190.0,
        **bare,
    )
    done = import_splats(path, tmp_path / "s.anchorstage")
    assert "mine.ply" in done["depth_source"]
    assert not any("commercial" in warning for warning in done["warnings"])


def test_a_camera_height_scales_the_scene(tmp_path):
    path = write_sharp(tmp_path / "half.ply", street(0.5)[1], SIZE, 190.0)
    import_splats(path, tmp_path / "s.anchorstage", camera_height=1.6)
    made = open_scene(tmp_path / "s.anchorstage")
    assert made.camera().position[2] == pytest.approx(1.6)
    eye = np.linalg.norm(made.splats.positions - made.camera().position, axis=1)
    wanted = np.linalg.norm(street()[1][0], axis=1)
    assert np.median(eye / wanted) == pytest.approx(1, abs=0.05)


def test_what_cannot_be_imported_is_one_sentence_and_writes_nothing(tmp_path, street_ply):
    (tmp_path / "text.ply").write_text("hello")
    positions, *rest = cloud()
    write_sharp(tmp_path / "behind.ply", (positions * [1, 1, -1], *rest))
    before = sorted(tmp_path.iterdir())
    for arguments in (
        ("none.ply", "-o", "x.anchorstage"),
        ("text.ply", "-o", "x.anchorstage"),
        ("behind.ply", "-o", "x.anchorstage"),
        (street_ply, "-o", "x.anchorstage", "--camera-height", "-1"),
    ):
        refused("import", *arguments, folder=tmp_path)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        import_splats(street_ply, tmp_path / "x.anchorstage", progress)
    assert sorted(tmp_path.iterdir()) == before


# --- SHARP's own package
# ---------------------------------------------------------------------------------------------

torch = pytest.importorskip("torch")

from engine.makers.sharp_network import find_checkpoint  # noqa: E402


class Predictor(torch.nn.Module):
    """What stands in for SHARP's network: one Gaussian a pixel of the street, as if it had seen it."""

    def __init__(self, _params):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package with the three names that ours asks SHARP's for, and a checkpoint that fits it."""
    asked = SimpleNamespace(focal=None, picture=None, error=None)

    def predict_image(predictor, picture, focal, device):
        if asked.error:
            raise asked.error
        asked.focal, asked.picture = focal, picture
        positions, size, rotations, colors, opacities = street(float(predictor.scale.detach()))[1]
        batch = [
            torch.tensor(np.asarray(a)[None], dtype=torch.float32)
            for a in (positions, size, rotations * 3)
        ]
        linear = torch.tensor(decode_srgb(colors)[None])
        return SimpleNamespace(
            mean_vectors=batch[0],
            singular_values=batch[1],
            quaternions=batch[2],
            colors=linear,
            opacities=torch.tensor(opacities[None], dtype=torch.float32),
        )

    names = {
        "sharp": {"__path__": []},
        "sharp.cli": {"__path__": []},
        "sharp.cli.predict": {"predict_image": predict_image},
        "sharp.models": {"PredictorParams": lambda: None, "create_predictor": Predictor},
    }
    for name, content in names.items():
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("ANCHORSTAGE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    checkpoint = tmp_path / "models" / "sharp" / "sharp_2572gikvuh.pt"
    checkpoint.parent.mkdir(parents=True)
    torch.save({"scale": torch.ones(1)}, checkpoint)
    asked.checkpoint = checkpoint
    return asked


@pytest.fixture
def picture(tmp_path):
    data = cv2.imencode(".png", np.round(street()[0].colours[..., ::-1] * 255).astype(np.uint8))[
        1
    ].tobytes()
    path = tmp_path / "street.png"
    path.write_bytes(data)
    return path


def by_sharp(picture, tmp_path, **more):
    args = {"output": str(tmp_path / "s.anchorstage"), "depth": "sharp", "focal_px": 190.0, **more}
    return run_job("reconstruct", args, Desk.local(lends={"photo": picture}))


def test_sharps_gaussians_become_our_scene(package, picture, tmp_path):
    done = by_sharp(picture, tmp_path)
    made = open_scene(tmp_path / "s.anchorstage")
    assert package.focal == pytest.approx(190)
    assert package.picture.dtype == np.uint8
    assert package.picture.shape == (SIZE[1], SIZE[0], 3)
    assert {"ground", "sky"} <= {region["id"] for region in done["regions"]}
    assert made.photo.original == picture.read_bytes()
    assert made.camera().position[2] == pytest.approx(1.6, rel=0.05)
    assert np.allclose(made.splats.colors, street()[1][3], atol=0.01)
    assert {"sharp", "depth", "regions", "save"} <= set(done["seconds"])


def test_the_budget_keeps_what_covers_most(package, picture, tmp_path):
    assert by_sharp(picture, tmp_path, max_splats=5000)["splats"] == 5000
    splats = read_ply(write_sharp(tmp_path / "x.ply", cloud()))
    kept = fewest(splats, 100)
    assert len(kept) == 100
    assert fewest(splats, 400) is splats
    assert kept.opacities.mean() > splats.opacities.mean()


def test_what_sharp_lacks_is_one_sentence(package, picture, tmp_path, monkeypatch):
    def sentence():
        with pytest.raises(AnchorStageError) as caught:
            by_sharp(picture, tmp_path)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "s.anchorstage").exists()
        return str(caught.value)

    package.error = torch.OutOfMemoryError("CUDA out of memory")
    assert "not enough memory" in sentence()
    package.error = RuntimeError("shapes differ\nand more")
    assert "shapes differ" in sentence()
    torch.save({"other": torch.ones(1)}, package.checkpoint)
    assert "no checkpoint that fits" in sentence()
    package.checkpoint.write_bytes(b"no checkpoint")
    assert "no checkpoint that fits" in sentence()
    package.checkpoint.unlink()
    assert "github.com/apple/ml-sharp" in sentence()
    torch.save({"scale": torch.ones(1)}, tmp_path / "mine.pt")
    assert find_checkpoint(tmp_path / "mine.pt") == find_checkpoint(tmp_path)
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / package.checkpoint.name).write_bytes((tmp_path / "mine.pt").read_bytes())
    assert find_checkpoint() == hub / package.checkpoint.name
    package.checkpoint.write_bytes((tmp_path / "mine.pt").read_bytes())
    monkeypatch.setitem(sys.modules, "sharp.models", None)
    assert "does not start" in sentence()
    for name in [name for name in sys.modules if name.partition(".")[0] == "sharp"]:
        monkeypatch.delitem(sys.modules, name)
    if importlib.util.find_spec("sharp") is None:
        assert "not in this environment" in sentence()
