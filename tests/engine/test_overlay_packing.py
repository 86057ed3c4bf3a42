"""The overlay's packing and sorting are laws of NumPy alone: they are tested here without Blender."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FILE = Path(__file__).resolve().parents[2] / "anchorstage_addon" / "overlay" / "textures.py"


def _load():
    spec = importlib.util.spec_from_file_location("overlay_textures", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


textures = _load()
few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def table_of(count, seed=0):
    """A table whose first column names the row."""
    table = (
        np.random.default_rng(seed).uniform(0.1, 0.9, (count, textures.COLUMNS)).astype(np.float32)
    )
    table[:, 0] = np.arange(count)
    return table


def test_neither_bpy_nor_gpu_is_imported():
    code = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("t", {str(FILE)!r})
module = importlib.util.module_from_spec(spec)
sys.modules["t"] = module
spec.loader.exec_module(module)
sys.exit(any(name.split(".")[0] in ("bpy", "gpu", "mathutils") for name in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@few
@given(count=st.integers(0, 2 * 4096 + 3), seed=seeds)
def test_every_visible_row_is_packed_exactly_once_and_whole(count, seed):
    table = table_of(count, seed)
    packed = textures.pack(table)
    together = packed.texels.reshape(-1, textures.COLUMNS)[: packed.count]
    assert packed.count == count
    np.testing.assert_array_equal(together[np.argsort(together[:, 0])], table)
    np.testing.assert_array_equal(packed.positions, together[:, :3])
    assert not packed.texels.reshape(-1, textures.COLUMNS)[packed.count :].any()


@pytest.mark.parametrize("spoil", [(3, 0.0), (0, np.nan), (5, np.inf), (3, 0.003)])
def test_rows_that_nobody_can_see_are_left_out(spoil):
    column, value = spoil
    table = table_of(10)
    table[4, column] = value
    packed = textures.pack(table)
    assert packed.count == 9
    assert 4.0 not in packed.positions[:, 0]


@few
@given(count=st.integers(0, 3 * 4096), channels=st.integers(1, 4))
def test_texel_i_lies_where_the_shader_looks_for_it(count, channels):
    values = np.arange(count * channels, dtype=np.float32).reshape(count, channels)
    texels = textures.texture_rows(values)
    assert texels.flags.c_contiguous
    assert texels.dtype == np.float32
    assert texels.shape[0] >= 1
    assert texels.shape[1:] == (textures.TEXTURE_WIDTH, channels)
    for i in {0, count // 2, count - 1} & set(range(count)):
        np.testing.assert_array_equal(
            texels[i // textures.TEXTURE_WIDTH, i % textures.TEXTURE_WIDTH], values[i]
        )
    assert not texels.reshape(-1, channels)[count:].any()


def test_a_prefix_is_an_even_sample_of_the_scene():
    count = 20_000
    packed = textures.pack(table_of(count))
    shares = np.histogram(packed.positions[: count // 10, 0], bins=10, range=(0, count))[0] / (
        count // 10
    )
    assert np.all(abs(shares - 0.1) < 0.03)  # five standard deviations of a fair draw of 2,000


@few
@given(seed=seeds, count=st.integers(1, 500), spread=st.floats(0.01, 4.0))
def test_perspective_order_is_from_far_to_near_within_one_key(seed, count, spread):
    depths = np.exp(np.random.default_rng(seed).normal(0, spread, count)).astype(np.float32)
    order = textures.drawing_order(depths, 1e-9)
    assert sorted(order) == list(range(count))
    ahead, behind = depths[order][1:], depths[order][:-1]
    octaves = np.log2(depths.max() / depths.min()) + 2.0
    assert np.all(ahead <= behind * (1.0 + 2.0 * octaves / 65535 + 1e-6))


@few
@given(seed=seeds, count=st.integers(1, 500), offset=st.floats(-100, 100))
def test_orthographic_order_takes_what_is_behind_too(seed, count, offset):
    depths = (np.random.default_rng(seed).normal(0, 10, count) + offset).astype(np.float32)
    order = textures.drawing_order(depths, None)
    assert sorted(order) == list(range(count))
    step = np.ptp(depths) / 65535
    assert np.all(np.diff(depths[order]) <= 2 * step + 1e-4)


@few
@given(seed=seeds, near=st.floats(0.001, 2.0))
def test_what_lies_before_the_near_plane_is_not_drawn(seed, near):
    depths = np.random.default_rng(seed).normal(0, 2, 300).astype(np.float32)
    order = textures.drawing_order(depths, near)
    assert set(order) == set(np.flatnonzero(depths > near))


@pytest.mark.parametrize("near", [None, 0.1])
def test_splats_of_equal_depth_keep_their_order(near):
    order = textures.drawing_order(np.full(1000, 3.0, np.float32), near)
    np.testing.assert_array_equal(order, np.arange(1000))


@pytest.mark.parametrize("near", [None, 0.1])
def test_no_splats_give_no_order(near):
    assert len(textures.drawing_order(np.zeros(0, np.float32), near)) == 0


@few
@given(seed=seeds)
def test_depth_is_minus_z_in_blenders_camera(seed):
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = turn, rng.normal(size=3)
    points = rng.normal(size=(50, 3)).astype(np.float32)
    in_camera = points @ view[:3, :3].T + view[:3, 3]
    np.testing.assert_allclose(textures.view_depths(points, view[2]), -in_camera[:, 2], atol=1e-5)


def projection(near, far):
    """OpenGL's perspective matrix, as Blender gives it."""
    matrix = np.zeros((4, 4), np.float32)
    matrix[0, 0] = matrix[1, 1] = 2.0
    matrix[2, 2], matrix[2, 3] = -(far + near) / (far - near), -2 * far * near / (far - near)
    matrix[3, 2] = -1.0
    return matrix


@few
@given(near=st.floats(0.001, 1.0), far=st.floats(10.0, 1000.0))
def test_the_near_plane_comes_out_of_the_projection(near, far):
    assert textures.near_plane(projection(near, far)) == pytest.approx(near, rel=1e-2)


def test_an_orthographic_view_has_no_near_plane():
    assert textures.near_plane(np.eye(4, dtype=np.float32)) is None


def test_the_view_block_is_std140():
    view, window = np.arange(16.0).reshape(4, 4), projection(0.1, 100.0)
    block = textures.view_block(view, window, (640, 480), "CONFIDENCE", 2.5, first=123_457)
    assert block.nbytes % 16 == 0
    np.testing.assert_array_equal(block[0:4], view[:, 0])  # GLSL's first column
    np.testing.assert_array_equal(block[16:32].reshape(4, 4).T, window)
    np.testing.assert_array_equal(block[32:36], [640, 480, 2.5, 1.0])
    np.testing.assert_array_equal(block[36:40].view(np.int32), [123_457, 2, 0, 0])


@given(count=st.integers(1, 10**7), size=st.floats(0.1, 4.0))
def test_all_splats_keep_their_footprint_and_fewer_grow(count, size):
    assert textures.footprint_scale(count, count, size) == pytest.approx(size * size)
    if count > 1:
        assert textures.footprint_scale(count, count // 2, size) >= 2 * size * size


def test_region_colors_are_distinct_and_overridable():
    hues = textures.palette()[0, :10, :3]
    apart = np.linalg.norm(hues[:, None] - hues[None], axis=2) + np.eye(10)
    assert apart.min() > 0.2
    chosen = textures.palette([(0.1, 0.2, 0.3), (0.4, 0.5, 0.6)])
    np.testing.assert_allclose(chosen[0, 1, :3], (0.4, 0.5, 0.6), rtol=1e-6)
    np.testing.assert_array_equal(chosen[0, 2:], textures.palette()[0, 2:])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"not an array",
        np.zeros((3, 15), np.float32),
        np.zeros((3, 16)),
        np.zeros(16, np.float32),
    ],
    ids=["empty", "truncated", "text", "columns", "double", "flat"],
)
def test_a_file_that_is_no_table_gets_one_sentence(tmp_path, content):
    path = tmp_path / "overlay.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=r"overlay\.npy"):
        textures.read_table(path)


def test_a_table_round_trips_and_an_empty_one_is_fine(tmp_path):
    for table in (table_of(5), table_of(0)):
        np.save(tmp_path / "overlay.npy", table)
        read = textures.read_table(tmp_path / "overlay.npy")
        np.testing.assert_array_equal(read, table)
        assert textures.pack(read).count == len(table)


def test_floor_depth_is_where_the_floor_is_drawn():
    """Points of the floor, through the matrices that draw it: the plane's depth lies just before each of them."""
    rng = np.random.default_rng(4)
    for perspective in (True, False):
        view = np.eye(4)
        turn = np.radians(70)
        view[:3, :3] = [
            [1, 0, 0],
            [0, np.cos(turn), np.sin(turn)],
            [0, -np.sin(turn), np.cos(turn)],
        ]
        view[:3, 3] = view[:3, :3] @ [0, 0, -3]
        near, far = 0.1, 500.0
        if perspective:
            depth_row = [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)]
            window = np.array([[1.5, 0, 0, 0], [0, 2, 0, 0], depth_row, [0, 0, -1, 0]])
        else:
            window = np.diag([0.1, 0.1, -2 / (far - near), 1])
            window[2, 3] = -(far + near) / (far - near)
        points = np.c_[
            rng.uniform(-4, 4, (50, 1)), rng.uniform(6, 40, (50, 1)), np.zeros(50), np.ones(50)
        ]
        clip = points @ view.T @ window.T
        x, y, z = (clip[:, :3] / clip[:, 3:]).T
        a, b, c, holds = textures.floor_depth(view, window)
        assert holds == 1
        drawn, floor = a * x + b * y + c, z / 2 + 0.5
        assert (drawn < floor).all()
        assert np.allclose(1 - drawn, (1 - floor) * (1 + textures.FLOOR_PULL), rtol=1e-6)
    view[2, 3] = -3  # now seen from below
    below = np.diag([1.0, 1, 1, 1])
    below[2, 3] = 3
    assert (
        textures.floor_depth(
            below, np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, -0.2], [0, 0, -1, 0]])
        )[3]
        == 0
    )
