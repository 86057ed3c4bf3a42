"""Splats: lifting from known geometry, the budget, and the PLY round trip."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import colours, scene, view, wall_and_ground

from engine.errors import ArgumentError, OutputError, SplatError
from engine.formats import ply
from engine.formats.ply import read_ply, write_ply
from engine.lift.lifting import grid_budget, lift, plain_share
from engine.render.rasteriser import render
from engine.scene.folder import open_scene, save
from engine.splats import PHOTOGRAPHED, Splats
from engine.splats.record import SH_COUNTS


def random_splats(count, seed):
    rng = np.random.default_rng(seed)
    rotations = rng.normal(size=(count, 4))
    return Splats(
        positions=rng.normal(0, 10, (count, 3)),
        scales=rng.uniform(1e-3, 0.5, (count, 3)),
        rotations=rotations / np.linalg.norm(rotations, axis=1, keepdims=True),
        opacities=rng.uniform(0.01, 0.99, count),
        colors=rng.uniform(0, 3, (count, 3)),
        confidence=rng.uniform(0, 1, count),
        region=rng.integers(-1, 9, count),
        origin=rng.integers(0, 5, count),
    )


PIXELS = 64 * 48


def front(estimate):
    """The front layer alone: a splat for each pixel."""
    return lift(estimate, colours(), PIXELS).splats


def test_front_lies_on_the_surfaces_it_came_from():
    estimate = wall_and_ground()
    splats = front(estimate)
    ground = estimate.ground.ravel()
    assert np.abs(splats.positions[ground, 2]).max() < 1e-4
    assert np.abs(splats.positions[~ground, 1] - 8).max() < 1e-4


def test_lifted_discs_lie_in_the_surface():
    estimate = wall_and_ground()
    splats = front(estimate)
    along_normal = np.abs(np.sum(splats.normals * estimate.normal.reshape(-1, 3), axis=1))
    assert along_normal.min() > 0.999


def test_lifted_discs_are_round_from_the_photo():
    """Seen head on a disc is as wide as its pixel asks for; a slanted one is longer in the world."""
    estimate = wall_and_ground()
    splats = front(estimate)
    footprint = splats.scales[:, 1] * estimate.view.fx / estimate.depth.ravel()
    assert np.ptp(footprint) < 1e-4
    stretch = splats.scales[:, 0] / splats.scales[:, 1]
    assert stretch[~estimate.ground.ravel()].max() < 1.3
    assert stretch[estimate.ground.ravel()].min() > 1.5


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5000))
def test_budget_is_kept_exactly_and_rows_name_the_pixels(budget):
    estimate = wall_and_ground()
    lifted = lift(estimate, colours(), budget)
    assert len(lifted.splats) == min(budget, len(lift(estimate, colours()).splats))
    kept = lifted.rows >= 0
    assert kept.sum() == min(budget, PIXELS)
    assert sorted(lifted.rows[kept]) == list(range(kept.sum()))
    assert np.allclose(lifted.splats.colors[lifted.rows[kept]], colours()[kept])
    assert np.array_equal(lifted.pixels[: kept.sum()], np.flatnonzero(kept))
    assert len(lifted.pixels) == len(lifted.splats)


@given(st.integers(100, 10**7))
def test_grid_of_a_budget_leaves_room_for_the_back_layer(budget):
    assert grid_budget(budget) * 1.25 < budget


@given(st.integers(100, 10**7), st.floats(0, 1), st.floats(0, 1))
def test_a_plainer_photo_has_a_finer_grid_within_the_budget(budget, one, other):
    plainer, busier = max(one, other), min(one, other)
    assert (
        grid_budget(budget) <= grid_budget(budget, busier) <= grid_budget(budget, plainer) < budget
    )
    expected = grid_budget(budget, plainer) * (
        1.25 - plainer
    )  # small splats where it is not plain, wide ones everywhere
    assert expected < budget


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 28))
def test_the_plain_share_is_that_of_one_colour(rows):
    picture = np.random.default_rng(0).uniform(0, 1, (64, 48, 3)).astype(np.float32)
    assert plain_share(picture) == 0
    picture[: 2 * rows] = 0.3
    assert abs(plain_share(picture) - rows / 32) <= 1 / 32  # but for the blocks beside the others
    picture[:] = 0.3
    assert plain_share(picture) == 1


def test_lifting_a_half_plain_picture_on_its_finer_grid_keeps_the_budget():
    """What the larger grid costs is what the plain half saves."""
    picture = np.random.default_rng(0).uniform(0, 1, (120, 160, 3)).astype(np.float32)
    picture[:60] = 0.4
    most = 120 * 160 * 100 // 92
    assert grid_budget(most, plain_share(picture)) >= 120 * 160
    assert grid_budget(most) < 120 * 160
    lifted = lift(wall_and_ground(160, 120), picture, most)
    assert (lifted.rows >= 0).all()
    assert 0.7 * most < len(lifted.splats) <= most


def test_back_layer_is_behind_the_front_everywhere():
    """Seen from the photo, every wide splat lies behind the front splats that it could cover."""
    estimate = wall_and_ground()
    lifted = lift(estimate, colours())
    back = np.arange(PIXELS, len(lifted.splats))
    back = back[lifted.splats.origin[back] == PHOTOGRAPHED]
    assert len(back) > PIXELS / 5
    _, depth = estimate.view.project(lifted.splats.positions[back])
    assert (depth > estimate.depth.ravel()[lifted.pixels[back]]).all()


def test_surfaces_close_when_the_camera_comes_nearer():
    """Three times as large as photographed, a wall has no holes."""
    estimate = wall_and_ground()
    splats = lift(estimate, colours()).splats
    near = render(splats, estimate.view.resized(64 * 3, 48 * 3))
    assert near.alpha[6:-6, 6:-6].min() > 0.85


def test_nothing_bridges_a_depth_edge():
    """A near card before a far wall: every splat lies on the one or the other."""
    camera = view()
    depth = np.full((48, 64), 20, np.float32)
    depth[12:36, 20:44] = 5
    normal = np.zeros((48, 64, 3), np.float32)
    normal[..., 1] = -1
    card = replace(wall_and_ground(), depth=depth, normal=normal, view=camera)
    splats = lift(card, colours()).splats
    _, z = camera.project(splats.positions)
    assert ((np.abs(z / 5 - 1) < 0.02) | (np.abs(z / 20 - 1) < 0.02)).all()
    # Three standard deviations of a near splat stay within a pixel or two of the card.
    pixels, _ = camera.project(splats.positions)
    reach = 3 * splats.scales.max(axis=1) * camera.fx / z
    near = z < 6
    outside = np.maximum(np.abs(pixels - [32, 24]).max(axis=1) + reach - 12, 0)[near]
    assert outside.max() < 2.0


def test_budget_of_nothing_is_refused():
    with pytest.raises(ArgumentError, match="at least one"):
        lift(wall_and_ground(), colours(), 0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 300), st.integers(0, 9))
def test_ply_round_trip(tmp_path_factory, count, seed):
    path = tmp_path_factory.mktemp("ply") / "splats.ply"
    splats = random_splats(count, seed)
    write_ply(path, splats)
    again = read_ply(path)
    for name in ("positions", "confidence", "region", "origin"):
        assert np.array_equal(getattr(again, name), getattr(splats, name)), name
    for name in ("scales", "rotations", "opacities", "colors"):
        assert np.allclose(getattr(again, name), getattr(splats, name), rtol=1e-4, atol=1e-6), name


def test_ply_of_another_program_opens(tmp_path):
    """Double precision, other order, spherical harmonics we do not read, none of our properties."""
    names = [
        "opacity",
        "x",
        "y",
        "z",
        "f_dc_0",
        "f_dc_1",
        "f_dc_2",
        "f_rest_0",
        "scale_0",
        "scale_1",
        "scale_2",
    ]
    names += ["rot_0", "rot_1", "rot_2", "rot_3"]
    header = "ply\nformat binary_little_endian 1.0\nelement vertex 1\n" + "".join(
        f"property double {n}\n" for n in names
    )
    values = np.array([0.0, 1, 2, 3, 0, 0, 0, 9, -1, -2, -3, 2, 0, 0, 0], "<f8")
    path = tmp_path / "theirs.ply"
    path.write_bytes((header + "end_header\n").encode() + values.tobytes())
    splats = read_ply(path)
    assert np.allclose(splats.positions, [[1, 2, 3]])
    assert np.allclose(splats.rotations, [[1, 0, 0, 0]])
    assert np.allclose(splats.opacities, 0.5)
    assert np.allclose(splats.colors, 0.5)
    assert splats.region[0] == -1


def damaged(data, how):
    return {
        "truncated": data[:-7],
        "header only": data[: data.index(b"end_header")],
        "text": b"hello",
        "empty": b"",
        "mesh": b"ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty float x\nend_header\n",
        "ascii": data.replace(b"binary_little_endian", b"ascii"),
        "unknown type": data.replace(b"property float x", b"property half x"),
        "not a number": data[:-80] + b"\xff" * 80,
    }[how]


@pytest.mark.parametrize(
    "how",
    ["truncated", "header only", "text", "empty", "mesh", "ascii", "unknown type", "not a number"],
)
def test_damaged_ply_is_one_sentence(tmp_path, how):
    path = tmp_path / "splats.ply"
    write_ply(path, random_splats(3, 0))
    path.write_bytes(damaged(path.read_bytes(), how))
    with pytest.raises(SplatError, match=r"splats\.ply"):
        read_ply(path)


def test_missing_ply(tmp_path):
    with pytest.raises(SplatError, match="cannot be read"):
        read_ply(tmp_path / "none.ply")


def test_ply_into_a_place_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(OutputError):
        write_ply(tmp_path / "file" / "splats.ply", random_splats(3, 0))


def test_records_of_unequal_length_are_refused():
    good = random_splats(4, 1)
    with pytest.raises(SplatError, match="opacities"):
        good.with_(opacities=np.ones(3))


def with_sh(count, seed, bands):
    return random_splats(count, seed).with_(
        sh=np.random.default_rng(seed).normal(size=(count, bands, 3))
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 40), st.integers(0, 9), st.sampled_from(SH_COUNTS))
def test_ply_keeps_harmonics(tmp_path_factory, count, seed, bands):
    path = tmp_path_factory.mktemp("ply") / "splats.ply"
    splats = with_sh(count, seed, bands)
    write_ply(path, splats)
    again = read_ply(path)
    np.testing.assert_array_equal(again.sh, splats.sh)
    np.testing.assert_allclose(again.colors, splats.colors, rtol=1e-4, atol=1e-6)
    write_ply(path, splats.with_(sh=None))
    assert read_ply(path).sh is None


def test_harmonics_lie_in_the_ply_channel_after_channel(tmp_path):
    """As 3DGS writes them: all coefficients of red, then of green, then of blue, after the constant colour."""
    sh = np.arange(24, dtype=np.float32).reshape(1, 8, 3)
    path = tmp_path / "splats.ply"
    write_ply(path, random_splats(1, 0).with_(sh=sh))
    header, body = path.read_bytes().split(b"end_header\n")
    names = [
        line.split()[-1] for line in header.decode().splitlines() if line.startswith("property")
    ]
    first = names.index("f_rest_0")
    assert names[first - 1] == "f_dc_2"
    assert names[first : first + 25] == [f"f_rest_{i}" for i in range(24)] + ["opacity"]
    values = np.frombuffer(body, "<f4")[first : first + 24]
    np.testing.assert_array_equal(values, [*range(0, 24, 3), *range(1, 24, 3), *range(2, 24, 3)])


def test_harmonics_of_no_whole_band_are_left_out(tmp_path, caplog):
    path = tmp_path / "splats.ply"
    write_ply(path, with_sh(2, 0, 3))
    path.write_bytes(path.read_bytes().replace(b"f_rest_8", b"f_other8"))
    assert read_ply(path).sh is None
    assert "no whole bands" in caplog.text


def test_a_scene_folder_keeps_harmonics(tmp_path):
    whole = scene()
    shaded = replace(whole, splats=whole.splats.with_(sh=np.full((len(whole.splats), 15, 3), 0.25)))
    save(shaded, tmp_path / "s.anchorstage")
    np.testing.assert_array_equal(
        open_scene(tmp_path / "s.anchorstage").splats.sh, shaded.splats.sh
    )


@pytest.mark.parametrize(
    "shape", [(4, 3), (3, 3, 3), (4, 4, 3), (4, 3, 4), (4, 0, 3), (4, 15, 3, 1)]
)
def test_harmonics_of_another_shape_are_refused(shape):
    with pytest.raises(SplatError, match="3 or 8 or 15"):
        random_splats(4, 1).with_(sh=np.zeros(shape))


def test_rows_take_their_harmonics_along():
    splats = with_sh(6, 2, 3)
    rows = np.array([4, 0, 0])
    np.testing.assert_array_equal(splats.select(rows).sh, splats.sh[rows])
    np.testing.assert_array_equal(splats.select(np.arange(6) > 3).sh, splats.sh[4:])
    assert splats.sh.dtype == np.float32
    assert random_splats(6, 2).select(rows).sh is None


def test_joined_harmonics_are_filled_with_zeros():
    low, none, high = with_sh(2, 0, 3), random_splats(3, 1), with_sh(4, 2, 15)
    joined = Splats.concatenate([low, none, high])
    assert joined.sh.shape == (9, 15, 3)
    np.testing.assert_array_equal(joined.sh[:2, :3], low.sh)
    np.testing.assert_array_equal(joined.sh[5:], high.sh)
    assert not joined.sh[:2, 3:].any()
    assert not joined.sh[2:5].any()
    assert Splats.concatenate([none, none]).sh is None


def test_a_file_written_in_portions_is_the_same_file(tmp_path, monkeypatch):
    splats = random_splats(100, 1)
    write_ply(tmp_path / "whole.ply", splats)
    monkeypatch.setattr(ply, "_PORTION", 7)
    write_ply(tmp_path / "portions.ply", splats)
    assert (tmp_path / "portions.ply").read_bytes() == (tmp_path / "whole.ply").read_bytes()


@pytest.mark.parametrize("given", [None, 0.25])
def test_a_file_in_other_units_is_read_into_metres(tmp_path, given):
    splats, path = random_splats(50, 3), tmp_path / "units.ply"
    write_ply(path, splats)
    if given is None:
        path.write_bytes(path.read_bytes().replace(b"metric_scale 1.0", b"metric_scale .25"))
    again = read_ply(path, given)
    assert np.array_equal(again.positions, splats.positions * np.float32(0.25))
    assert np.allclose(again.scales, splats.scales * 0.25, rtol=1e-6)
    assert np.allclose(again.rotations, read_ply(path, 1.0).rotations)
