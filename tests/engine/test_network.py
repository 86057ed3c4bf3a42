"""The depth network without torch: its layers against slow ones, its graph against torch's, its weights' file."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.camera import View
from engine.depth import DepthOptions
from engine.depth.builtin import network, prediction
from engine.depth.builtin.gravity import Gravity
from engine.depth.builtin.layout import OUTDOORS, find_layout
from engine.depth.builtin.prediction import Prediction
from engine.depth.builtin.relief import Relief
from engine.depth.builtin.trust import Trust
from engine.depth.estimating import estimate
from engine.errors import DepthError
from engine.geometry import LOOK_ALONG_Y, pose, rotation_about
from engine.image import Photo

from . import raycast


def small_weights(seed=0):
    """Random weights of the graph, tamed so that nothing overflows."""
    draw = np.random.default_rng(seed)
    half, quarter, eighth, low, fine = network.WIDTHS
    shapes = {"stem.0": (half, network.INPUTS, 3)}
    shapes |= {f"stem.1.{part}": (half, half, 3) for part in ("first", "second")}
    for name, before, after, blocks in (
        ("down4", half, quarter, (1,)),
        ("down8", quarter, eighth, (1, 2)),
        ("down16", eighth, low, (1, 3, 5)),
    ):
        shapes[f"{name}.0"] = (after, before, 3)
        shapes |= {
            f"{name}.{block}.{part}": (after, after, 3)
            for block in blocks
            for part in ("first", "second")
        }
    shapes |= {
        f"down16.{i}.{part}": (low, low, 1) for i in (2, 4) for part in ("whole", "column", "row")
    }
    for name, before, skip, after in (
        ("up8", low, eighth, eighth),
        ("up4", eighth, quarter, quarter),
        ("up2", quarter, half, half),
    ):
        shapes |= {f"{name}.join": (after, before + skip, 3), f"{name}.smooth": (after, after, 3)}
    shapes |= {"fine": (fine, half + network.INPUTS, 3), "maps": (len(network.MAPS), fine, 3)}
    shapes["scalars"] = (len(network.SCALARS), low, 1)
    weights = {}
    for name, (after, before, size) in shapes.items():
        deviation = 1 / np.sqrt(before * size * size)
        weights[f"{name}.weight"] = draw.normal(0, deviation, (after, before, size, size)).astype(
            np.float32
        )
        weights[f"{name}.bias"] = draw.normal(0, 0.1, after).astype(np.float32)
    return weights


def a_view(width=64, height=48, pitch=-0.2, focal=50.0):
    turn = rotation_about([1.0, 0, 0], pitch) @ LOOK_ALONG_Y
    return View(
        focal, focal, width / 2, height / 2, width, height, pose(turn, np.array([0, 0, 1.6]))
    )


def slow_convolve(x, weight, bias, stride, dilation):
    """Window by window, as the definition says."""
    reach = weight.shape[-1] // 2
    _, height, width = x.shape
    out = np.zeros((len(weight), -(-height // stride), -(-width // stride)))
    for row in range(out.shape[1]):
        for column in range(out.shape[2]):
            for i in range(-reach, reach + 1):
                for j in range(-reach, reach + 1):
                    y, z = row * stride + i * dilation, column * stride + j * dilation
                    if 0 <= y < height and 0 <= z < width:
                        out[:, row, column] += weight[:, :, i + reach, j + reach] @ x[:, y, z]
    return out + bias[:, None, None]


@pytest.mark.parametrize(
    ("size", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (3, 1, 2), (3, 1, 3), (1, 1, 1)]
)
def test_convolution_is_what_its_definition_says(size, stride, dilation):
    draw = np.random.default_rng(size + stride + dilation)
    x = draw.normal(size=(3, 8, 6)).astype(np.float32)
    weight, bias = (
        draw.normal(size=(4, 3, size, size)).astype(np.float32),
        draw.normal(size=4).astype(np.float32),
    )
    found = network.convolve(x, weight, bias, stride, dilation)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, slow_convolve(x, weight, bias, stride, dilation), atol=1e-4)


@given(width=st.integers(16, 20_000), height=st.integers(16, 20_000))
@settings(max_examples=100, deadline=None)
def test_the_grid_is_made_of_sixteens_and_stays_small(width, height):
    across, down = prediction.grid(width, height)
    assert across % 16 == down % 16 == 0
    assert min(across, down) >= 48
    assert across * down <= 3 * prediction.PIXELS


def test_what_it_sees_of_gravity():
    x = prediction.inputs(np.full((48, 64, 3), 0.5, np.float32), a_view(pitch=0.0), True)
    assert x.shape == (8, 48, 64)
    np.testing.assert_allclose(x[:3], 0, atol=1e-6)
    below = a_view(pitch=0.0).rays()[40, 0, 1]
    assert x[7, 40, 0] == pytest.approx(-np.log(below), abs=1e-5)
    assert x[5, 40, 0] < 0 < x[5, 8, 0]
    unknown = prediction.inputs(np.full((48, 64, 3), 0.5, np.float32), a_view(), False)
    assert (unknown[5:] == 0).all()


def test_a_mirrored_picture_gets_the_mirrored_answer():
    net = network.Network(small_weights())
    colours = np.random.default_rng(1).random((48, 64, 3)).astype(np.float32)
    one = prediction.run(net, colours, a_view(), True)
    other = prediction.run(net, colours[:, ::-1], a_view(), True)
    np.testing.assert_allclose(other.log_depth[:, ::-1], one.log_depth, atol=1e-4)
    np.testing.assert_allclose(other.normal[:, ::-1] * [-1, 1, 1], one.normal, atol=1e-3)
    np.testing.assert_allclose(other.up * [-1, 1, 1], one.up, atol=1e-5)
    assert other.indoors == pytest.approx(one.indoors, abs=1e-4)


def test_what_it_says_is_in_range():
    net = network.Network(small_weights(2))
    said = prediction.run(
        net, np.random.default_rng(2).random((48, 64, 3)).astype(np.float32), a_view(), True
    )
    assert np.isfinite(said.log_depth).all()
    assert (said.spread > 0).all()
    assert ((said.sky >= 0) & (said.sky <= 1)).all()
    np.testing.assert_allclose(np.linalg.norm(said.normal, axis=-1), 1, atol=1e-4)
    assert 0 <= said.indoors <= 1
    assert np.linalg.norm(said.up) == pytest.approx(1)


def test_torch_and_numpy_agree(tmp_path):
    torch = pytest.importorskip("torch")
    from training import trainer
    from training.export import digest, export, folded
    from training.model import log_depth

    run = trainer.Run(trainer.Plan(seed=3, batch_scale=0.03, sizes=((64, 48),), half=False))
    for _ in range(3):
        run.advance(0.0)  # so that the batch norms have something to fold
    net = run.net.eval()
    x = torch.randn(1, 8, 48, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps, scalars = net(x)
        found = network.Network(folded(net))(x[0].numpy())
        told = np.array([0.1, -0.9, 0.2]) / np.linalg.norm([0.1, -0.9, 0.2])
        log = log_depth(x, torch.tensor(told[None]).float(), maps, scalars)
    np.testing.assert_allclose(prediction._log_depth(x[0].numpy(), told, *found), log[0], atol=2e-3)
    np.testing.assert_allclose(found[0], maps[0], atol=1e-3)
    np.testing.assert_allclose(found[1], scalars[0], atol=1e-3)
    export(net, tmp_path / "w.npz", 3, 3)
    stored = network.load(tmp_path / "w.npz")
    np.testing.assert_allclose(
        stored(x[0].numpy())[0], maps[0], atol=0.02 * float(maps.abs().max())
    )
    assert digest(stored.weights) == digest(folded(net))


def test_wrong_weights_are_refused_in_a_sentence(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"no weights")
    np.savez(tmp_path / "b.npz", about='{"graph": "another"}')
    np.savez(tmp_path / "c.npz", other=np.zeros(1))
    for name in ("a", "b", "c", "missing"):
        with pytest.raises(DepthError, match="install AnchorStage again"):
            network.load(tmp_path / f"{name}.npz")


def test_it_needs_no_torch():
    code = "import sys; import engine.depth.builtin.estimator; assert 'torch' not in sys.modules"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode
        == 0
    )


# In the built-in estimator.


@pytest.fixture
def weights_of_chance(tmp_path, monkeypatch):
    """The estimator finds weights, if senseless ones."""
    np.savez(
        tmp_path / "w.npz", about=np.array(f'{{"graph": "{network.graph()}"}}'), **small_weights(4)
    )
    monkeypatch.setattr(network, "WEIGHTS", tmp_path / "w.npz")


def street(guess_factor=None):
    """The layout of a street seen from its middle, without a guess or with the truth times a factor as one."""
    truth = raycast.shoot(raycast.street(), raycast.camera(256, 192, 200.0))
    view = truth.view
    gravity = Gravity(0.0, 0.0, 0.0, 1.0, 100, True)
    guess = (
        None
        if guess_factor is None
        else np.where(np.isfinite(truth.depth), truth.depth, 100.0) * guess_factor
    )
    sky = truth.surface == raycast.SKY
    layout = find_layout(truth.colours, sky, view, gravity, OUTDOORS, guess)
    rays = view.rays() @ view.world_from_camera[:3, :3].T
    return truth, layout, np.log(np.minimum(layout.reach(rays), layout.farthest))


def test_planes_follow_the_networks_distances():
    near, far = (street(factor)[2].mean() for factor in (0.5, 2.0))
    assert far > near + 0.1


def test_planes_face_the_way_the_network_sees():
    """A wall seen obliquely, without vanishing points or colours that tell: a frontal plane, unless the network says more."""
    grey, sky = np.full((192, 256, 3), 0.5, np.float32), np.zeros((192, 256), bool)
    view = raycast.camera(256, 192, 200.0)
    azimuth = 0.6
    wall = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0], np.float32)
    gravity = Gravity(0.0, 0.0, azimuth, 1.0, 100, True)
    facing = np.broadcast_to(wall, (192, 256, 3))
    layout = find_layout(grey, sky, view, gravity, OUTDOORS, normals=facing)
    assert (np.abs(layout.normals @ -wall[:2]) > 0.99).all()
    plain = find_layout(grey, sky, view, gravity, OUTDOORS)
    assert (plain.normals @ -wall[:2] < 0.99).any()


def test_a_true_guess_is_no_worse_than_none():
    def error(factor):
        truth, _, reach = street(factor)
        upright = np.isfinite(truth.depth) & (truth.surface != 0)
        return np.median(np.abs(reach - np.log(truth.depth))[upright])

    assert error(1.0) <= error(None) + 0.02


def test_the_estimator_keeps_its_ground_whatever_the_network_says(weights_of_chance, monkeypatch):
    truth = raycast.shoot(raycast.street(), raycast.camera(pitch=3))
    photo = Photo("scene", ".png", b"", np.round(truth.colours * 255).astype(np.uint8))
    options = DepthOptions(focal_px=truth.view.fx, camera_height=1.6)
    found = estimate(photo, options)
    rays = found.view.rays() @ found.view.world_from_camera[2, :3]
    np.testing.assert_allclose(found.depth[found.ground], -1.6 / rays[found.ground], rtol=1e-4)
    for values in (found.depth, found.uncertainty, found.confidence, found.normal):
        assert np.isfinite(values).all()
    monkeypatch.setattr(network, "WEIGHTS", network.WEIGHTS.with_name("none.npz"))
    without = estimate(photo, options)
    assert not np.array_equal(without.depth, found.depth)
    assert any("weights are missing" in sentence for sentence in without.warnings)
    assert not any("weights" in sentence for sentence in found.warnings)
    assert "network" in found.source
    assert "network" not in without.source


def test_disagreement_is_doubt():
    truth, layout, _ = street()
    trust = Trust(0.03, 0.02, 0.01, False, ())
    depth = np.where(np.isfinite(truth.depth), truth.depth, 100.0)
    nothing = np.zeros(depth.shape, bool)
    log = np.log(depth)

    def error(off=0.0, beside=0.0, spread=0.1):
        cells = np.full((6, 8), spread, np.float32)
        sees = Prediction(
            cells,
            cells,
            cells,
            np.zeros((6, 8, 3)),
            cells,
            0.0,
            np.array([0.0, -1.0, 0.0]),
        )
        relief = Relief(sees, log + off, log + off, np.full(log.shape, beside))
        return trust.relative_error(truth.view, depth, nothing, nothing, layout, relief)

    for doubtful in (error(off=0.7), error(beside=1.0), error(spread=0.6)):
        assert (doubtful > error()).mean() > 0.9


def test_the_shipped_weights_are_those_of_their_record():
    with np.load(network.WEIGHTS) as stored:
        about = json.loads(str(stored["about"]))
        total = hashlib.sha256()
        for name in sorted(set(stored.files) - {"about"}):
            total.update(name.encode())
            total.update(stored[name].tobytes())
    assert about["sha256"] == total.hexdigest()
    assert about["graph"] == network.graph()
    assert len(about["commit"]) == 40
    assert about["steps"] > 0
    assert network.WEIGHTS.stat().st_size < 8e6
