"""Planes among points whose planes are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.depth.builtin.flatten import flattened
from engine.depth.builtin.prediction import Prediction
from engine.planes import belonging, cells_of, find_planes, window_normals

from . import raycast

PHOTO = raycast.camera(pitch=2)
CELLS = cells_of(PHOTO)
EYE = PHOTO.position
FREE = np.ones((CELLS.height, CELLS.width), bool)
WALLS = (
    np.array([0.8, -0.6, 0, 7.0]),
    np.array([-0.6, -0.8, 0, 9.0]),
)  # they meet at a corner before the camera


def depth_of(view, *planes):
    """Planar metres of the nearest of some planes."""
    rays = view.rays() @ view.world_from_camera[:3, :3].T
    reached = [-(plane[:3] @ view.position + plane[3]) / (rays @ plane[:3]) for plane in planes]
    return np.min([np.where(metres > 0, metres, np.inf) for metres in reached], axis=0)


def turned(planes, whose):
    return np.array(planes)[whose][..., :3].astype(np.float32)


def corner(view):
    """Depth and normals of two walls, and which is seen where."""
    metres = [depth_of(view, wall) for wall in WALLS]
    whose = np.argmin(metres, axis=0)
    return np.min(metres, axis=0), turned(WALLS, whose), whose


@given(st.integers(0, 2**31), st.floats(0, 0.02), st.floats(0, 0.15))
@settings(deadline=None, max_examples=15)
def test_two_walls_are_found_through_bumps_and_turned_normals(seed, bumps, tilts):
    random = np.random.default_rng(seed)
    depth, normals, whose = corner(CELLS)
    points = CELLS.unproject(depth * np.exp(random.normal(0, bumps, depth.shape)))
    normals = normals + random.normal(0, tilts, normals.shape)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    planes = find_planes(points, normals.astype(np.float32), FREE, EYE, 9)
    assert len(planes) == 2
    np.testing.assert_allclose(np.linalg.norm(planes[:, :3], axis=1), 1)
    assert (planes[:, 2] == 0).all()  # nearly upright walls are upright
    largest = np.argsort(-np.bincount(whose.ravel()))
    for plane, wall in zip(planes, np.array(WALLS)[largest], strict=True):
        assert plane[:3] @ wall[:3] > np.cos(np.radians(2))
        assert abs(plane[3] - wall[3]) < 0.3
    found = belonging(planes, points, normals, FREE, EYE)
    assert (largest[found] == whose)[found >= 0].mean() > 0.98
    assert (found >= 0).mean() > 0.9


def test_what_may_be_no_planes_is_none():
    depth, normals, _ = corner(CELLS)
    points = CELLS.unproject(depth)
    assert find_planes(points, normals, ~FREE, EYE, 9).shape == (0, 4)
    planes = find_planes(points, normals, FREE, EYE, 1)
    assert len(planes) == 1
    half = FREE.copy()
    half[:, : CELLS.width // 2] = False
    assert (belonging(planes, points, normals, half, EYE)[~half] == -1).all()
    assert (belonging(np.zeros((0, 4)), points, normals, FREE, EYE) == -1).all()


def test_one_wall_measured_at_two_distances_is_one_plane():
    wall = np.tile(WALLS[1][:3], (*FREE.shape, 1)).astype(np.float32)
    depth = depth_of(CELLS, WALLS[1])
    depth[:, : CELLS.width // 2] *= 1.07
    assert len(find_planes(CELLS.unproject(depth), wall, np.isfinite(depth), EYE, 9)) == 1


def test_normals_of_windows_are_exact_on_planes_up_to_their_corner():
    depth, normals, _ = corner(CELLS)
    found = window_normals(CELLS, depth, FREE)
    angles = np.degrees(np.arccos(np.clip((found * normals).sum(-1), -1, 1)))
    assert np.percentile(angles, 99) < 1
    assert (np.einsum("ijk,ijk->ij", found, CELLS.unproject(depth) - EYE) < 0).all()


def said(normals, view):
    """A network that sees these normals (h, w, 3), world."""
    plain = np.zeros(normals.shape[:2], np.float32)
    facing = normals @ view.world_from_camera[:3, :3]
    return Prediction(plain, plain, plain, facing, plain, 0.0, np.array([0.0, -1.0, 0.0]))


def test_bumps_on_a_wall_are_flattened_and_what_stands_off_it_stays():
    truth, _, _ = corner(PHOTO)
    normals = corner(CELLS)[1]
    rows, columns = np.mgrid[: PHOTO.height, : PHOTO.width]
    bumpy = (truth * np.exp(0.04 * np.sin(rows / 17) * np.sin(columns / 23))).astype(np.float32)
    thing = np.s_[200:260, 400:460]
    bumpy[thing] = truth[thing] * 0.6
    ground, sky = np.zeros(truth.shape, bool), np.zeros(truth.shape, bool)
    ground[-80:], sky[:60] = True, True
    flat, planes = flattened(PHOTO, bumpy, ground, sky, said(normals, PHOTO))
    assert flat.dtype == np.float32
    assert len(planes) == 2
    np.testing.assert_array_equal(flat[thing], bumpy[thing])
    np.testing.assert_array_equal(flat[ground | sky], bumpy[ground | sky])
    wall = np.ones(truth.shape, bool)
    wall[190:270, 390:470] = wall[-90:] = wall[:70] = False
    before, after = (np.abs(np.log(depth / truth))[wall] for depth in (bumpy, flat))
    assert after.mean() < 0.3 * before.mean()


def test_where_nothing_is_flat_depth_stays():
    random = np.random.default_rng(0)
    depth = random.uniform(2, 30, (PHOTO.height, PHOTO.width)).astype(np.float32)
    normals = random.normal(0, 1, (*FREE.shape, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    nothing = np.zeros(depth.shape, bool)
    flat, planes = flattened(PHOTO, depth, nothing, nothing, said(normals, PHOTO))
    assert len(planes) == 0
    assert pytest.approx(flat) == depth
