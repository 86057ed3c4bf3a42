"""The overlay's packing and sorting are laws of NumPy alone: they are tested without Blender."""

import importlib
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.tables import attributes

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = "extension.anchorstage_addon.overlay"


def load(name):
    """Import a file of the overlay as Blender does, below the extension's package.

    The packages around it are empty ones: the add-on's own import bpy.
    """
    folder = ROOT
    package = ""
    for part in OVERLAY.split("."):
        if package:
            folder = folder / part
        package = f"{package}.{part}".lstrip(".")
        if package not in sys.modules:
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = [str(folder)]
    return importlib.import_module(f"{OVERLAY}.{name}")


projection = load("projection")
sorting = load("sorting")
textures = load("textures")
few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def table_of(count, seed=0):
    """Return a table whose first column names the row."""
    shape = (count, textures.COLUMNS)
    table = np.random.default_rng(seed).uniform(0.1, 0.9, shape).astype(np.float32)
    table[:, 0] = np.arange(count)
    return table


def test_neither_bpy_nor_gpu_is_imported():
    code = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
import test_overlay_packing
blender = ("bpy", "gpu", "mathutils")
sys.exit(any(name.split(".")[0] in blender for name in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@few
@given(count=st.integers(0, 2 * 4096 + 3), seed=seeds)
def test_every_visible_row_is_packed_exactly_once_and_whole(count, seed):
    table = table_of(count, seed)
    packed = textures.pack(table)
    assert packed.count == count
    rows = packed.texels.reshape(-1, textures.COLUMNS)
    splats = rows[:count]
    unused = rows[count:]
    by_name = np.argsort(splats[:, 0])
    np.testing.assert_array_equal(splats[by_name], table)
    np.testing.assert_array_equal(packed.positions, splats[:, :3])
    assert not unused.any()


def test_the_columns_are_the_texels_that_the_shader_reads():
    columns = [name for group in attributes.OVERLAY_COLUMNS for name in group.columns]
    texels = [columns[first : first + 4] for first in range(0, len(columns), 4)]
    assert texels == [
        ["x", "y", "z", "opacity"],
        ["xx", "xy", "xz", "yy"],
        ["yz", "zz", "region", "confidence"],
        ["r", "g", "b", "origin"],
    ]


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
        row, column = divmod(i, textures.TEXTURE_WIDTH)
        np.testing.assert_array_equal(texels[row, column], values[i])
    assert not texels.reshape(-1, channels)[count:].any()


def test_a_prefix_is_an_even_sample_of_the_scene():
    count = 20_000
    packed = textures.pack(table_of(count))
    drawn = count // 10
    names = packed.positions[:drawn, 0]
    numbers, _ = np.histogram(names, bins=10, range=(0, count))
    shares = numbers / drawn
    assert np.all(abs(shares - 0.1) < 0.03)  # five standard deviations of a fair draw of 2,000


@few
@given(seed=seeds, count=st.integers(1, 500), spread=st.floats(0.01, 4.0))
def test_perspective_order_is_from_far_to_near_within_one_key(seed, count, spread):
    log_depths = np.random.default_rng(seed).normal(0, spread, count)
    depths = np.exp(log_depths).astype(np.float32)
    order = sorting.drawing_order(depths, 1e-9)
    assert sorted(order) == list(range(count))
    drawn = depths[order]
    earlier = drawn[:-1]
    later = drawn[1:]
    octaves = np.log2(depths.max() / depths.min()) + 2.0
    largest_rise = 1.0 + 2.0 * octaves / 65535 + 1e-6
    assert np.all(later <= earlier * largest_rise)


@few
@given(seed=seeds, count=st.integers(1, 500), offset=st.floats(-100, 100))
def test_orthographic_order_takes_what_is_behind_too(seed, count, offset):
    centred = np.random.default_rng(seed).normal(0, 10, count)
    depths = (centred + offset).astype(np.float32)
    order = sorting.drawing_order(depths, None)
    assert sorted(order) == list(range(count))
    step = np.ptp(depths) / 65535
    rises = np.diff(depths[order])
    assert np.all(rises <= 2 * step + 1e-4)


@few
@given(seed=seeds, near=st.floats(0.001, 2.0))
def test_what_lies_before_the_near_plane_is_not_drawn(seed, near):
    depths = np.random.default_rng(seed).normal(0, 2, 300).astype(np.float32)
    order = sorting.drawing_order(depths, near)
    in_front = np.flatnonzero(depths > near)
    assert set(order) == set(in_front)


@pytest.mark.parametrize("near", [None, 0.1])
def test_splats_of_equal_depth_keep_their_order(near):
    depths = np.full(1000, 3.0, np.float32)
    order = sorting.drawing_order(depths, near)
    np.testing.assert_array_equal(order, np.arange(1000))


@pytest.mark.parametrize("near", [None, 0.1])
def test_no_splats_give_no_order(near):
    depths = np.zeros(0, np.float32)
    order = sorting.drawing_order(depths, near)
    assert len(order) == 0


@few
@given(seed=seeds)
def test_depth_is_minus_z_in_blenders_camera(seed):
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    translation = rng.normal(size=3)
    view = np.eye(4)
    view[:3, :3] = turn
    view[:3, 3] = translation
    points = rng.normal(size=(50, 3)).astype(np.float32)
    in_camera = points @ turn.T + translation
    depths = sorting.view_depths(points, view[2])
    np.testing.assert_allclose(depths, -in_camera[:, 2], atol=1e-5)


def perspective_matrix(near, far):
    """Return OpenGL's perspective matrix, as Blender gives it."""
    length = far - near
    return np.array(
        [
            [2.0, 0.0, 0.0, 0.0],
            [0.0, 2.0, 0.0, 0.0],
            [0.0, 0.0, -(far + near) / length, -2 * far * near / length],
            [0.0, 0.0, -1.0, 0.0],
        ],
        np.float32,
    )


def orthographic_matrix(near, far):
    """Return OpenGL's orthographic matrix, as Blender gives it."""
    length = far - near
    return np.array(
        [
            [0.1, 0.0, 0.0, 0.0],
            [0.0, 0.1, 0.0, 0.0],
            [0.0, 0.0, -2 / length, -(far + near) / length],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


@few
@given(near=st.floats(0.001, 1.0), far=st.floats(10.0, 1000.0))
def test_the_near_plane_comes_out_of_the_projection(near, far):
    window = perspective_matrix(near, far)
    assert projection.near_plane(window) == pytest.approx(near, rel=1e-2)


def test_an_orthographic_view_has_no_near_plane():
    window = orthographic_matrix(0.1, 100.0)
    assert projection.near_plane(window) is None


def test_the_view_block_is_std140():
    view = np.arange(16.0).reshape(4, 4)
    window = perspective_matrix(0.1, 100.0)
    block = projection.view_block(view, window, (640, 480), "CONFIDENCE", 2.5, first=123_457)
    assert block.nbytes % 16 == 0
    np.testing.assert_array_equal(block[0:4], view[:, 0])  # GLSL's first column
    np.testing.assert_array_equal(block[16:32].reshape(4, 4).T, window)
    np.testing.assert_array_equal(block[32:36], [640, 480, 2.5, 1.0])
    np.testing.assert_array_equal(block[36:40].view(np.int32), [123_457, 2, 0, 0])


@given(count=st.integers(1, 10**7), size=st.floats(0.1, 4.0))
def test_all_splats_keep_their_footprint_and_fewer_grow(count, size):
    assert projection.footprint_scale(count, count, size) == pytest.approx(size * size)
    if count > 1:
        assert projection.footprint_scale(count, count // 2, size) >= 2 * size * size


def test_region_colors_are_distinct_and_overridable():
    hues = textures.palette()[0, :10, :3]
    differences = hues[:, None] - hues[None]
    distances = np.linalg.norm(differences, axis=2)
    of_two = ~np.eye(10, dtype=bool)
    assert distances[of_two].min() > 0.2
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


def view_above_the_floor(height):
    """Return a view matrix, camera from world, that looks down and ahead from a height."""
    turn = np.radians(70)
    cos = np.cos(turn)
    sin = np.sin(turn)
    rotation = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    view = np.eye(4)
    view[:3, :3] = rotation
    view[:3, 3] = rotation @ [0, 0, -height]
    return view


@pytest.mark.parametrize("matrix_of", [perspective_matrix, orthographic_matrix])
def test_floor_depth_is_where_the_floor_is_drawn(matrix_of):
    """The plane's depth lies just before each point of the floor."""
    rng = np.random.default_rng(4)
    view = view_above_the_floor(3)
    window = matrix_of(0.1, 500.0).astype(float)
    count = 50
    right = rng.uniform(-4, 4, count)
    ahead = rng.uniform(6, 40, count)
    points = np.column_stack([right, ahead, np.zeros(count), np.ones(count)])
    clip = points @ view.T @ window.T
    clip_w = clip[:, 3:]
    x, y, z = (clip[:, :3] / clip_w).T
    floor = z / 2 + 0.5
    a, b, c, holds = projection.floor_depth(view, window)
    drawn = a * x + b * y + c
    assert holds == 1
    assert (drawn < floor).all()
    before_the_far_end = (1 - floor) * (1 + projection.FLOOR_PULL)
    assert np.allclose(1 - drawn, before_the_far_end, rtol=1e-6)


def test_the_floor_is_not_drawn_from_below():
    view = np.eye(4)
    view[2, 3] = 3  # the eye is three metres below the floor
    window = perspective_matrix(0.1, 100.0)
    *_, holds = projection.floor_depth(view, window)
    assert holds == 0
