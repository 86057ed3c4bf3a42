"""The built-in depth against scenes of known geometry."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.camera import View
from engine.depth import DepthOptions
from engine.depth.builtin.gravity import find_focal, find_gravity
from engine.depth.builtin.lines import find_lines
from engine.depth.builtin.refine import snap_mask
from engine.depth.estimating import estimate, grid_size
from engine.depth.surfaces import normals
from engine.errors import ArgumentError, Cancelled, DepthError
from engine.image import Photo
from engine.progress import Progress

from . import raycast

SCENES = {
    "street": (raycast.street, {"pitch": 3, "roll": 1}),
    "street from above": (raycast.street, {"pitch": -8, "roll": -2, "yaw": 12}),
    "house": (raycast.front, {"pitch": 5, "yaw": -20}),
    "room": (raycast.room, {"pitch": -10, "yaw": 8, "eye": 1.3}),
}


def photo_of(colours: np.ndarray, focal_px: float | None = None) -> Photo:
    """A photo as it would come from a file."""
    return Photo(
        "scene", ".png", b"", np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8), {}, focal_px
    )


@cache
def scene(name: str) -> tuple:
    """The true picture, and its estimate with known focal length and camera height."""
    make, tilt = SCENES[name]
    truth = raycast.shoot(make(), raycast.camera(**tilt))
    options = DepthOptions(focal_px=truth.view.fx, camera_height=truth.view.position[2])
    return truth, estimate(photo_of(truth.colours), options)


def up(view: View) -> np.ndarray:
    """The world's up in the camera's frame."""
    return view.world_from_camera[2, :3]


@pytest.mark.parametrize("name", SCENES)
def test_gravity_is_found_within_one_degree(name):
    truth, found = scene(name)
    assert np.degrees(np.arccos(np.clip(up(truth.view) @ up(found.view), -1, 1))) < 1.0


@pytest.mark.parametrize("name", SCENES)
def test_ground_depth_is_metric(name):
    truth, found = scene(name)
    ground = found.ground & (truth.surface == 0)
    assert ground.mean() > 0.2
    error = np.abs(found.depth[ground] / truth.depth[ground] - 1)
    assert np.percentile(error, 90) < 0.10


@pytest.mark.parametrize("name", SCENES)
def test_ground_and_sky_are_where_they_are(name):
    truth, found = scene(name)
    assert overlap(found.ground, truth.surface == 0) > 0.85
    sky = truth.surface == raycast.SKY
    assert overlap(found.sky, sky) > 0.97 if sky.any() else not found.sky.any()


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("name", SCENES)
def test_what_stands_on_the_ground_is_at_about_its_distance(name):
    truth, found = scene(name)
    solid = np.isfinite(truth.depth) & ~found.sky
    ratio = found.depth[solid] / truth.depth[solid]
    assert (np.maximum(ratio, 1 / ratio) < 1.25).mean() > 0.9
    sigmas = np.abs(found.depth - truth.depth)[solid] / found.uncertainty[solid]
    assert np.percentile(sigmas, 95) < 3


@pytest.mark.parametrize("name", SCENES)
def test_every_map_keeps_its_promise(name):
    _, found = scene(name)
    shape = (found.view.height, found.view.width)
    assert (
        found.depth.shape
        == found.uncertainty.shape
        == found.confidence.shape
        == found.sky.shape
        == shape
    )
    assert np.isfinite(found.depth).all()
    assert found.depth.min() > 0
    assert (found.uncertainty > 0).all()
    assert found.confidence.min() >= 0
    assert found.confidence.max() <= 1
    assert np.allclose(np.linalg.norm(found.normal, axis=-1), 1, atol=1e-4)
    towards = found.view.position - found.view.unproject(found.depth)
    assert ((found.normal * towards).sum(-1) > 0).all()
    if found.sky.any():
        assert found.depth[found.sky].min() >= max(100, 1.5 * found.depth[~found.sky].max() * 0.999)
    assert {a.dtype for a in (found.depth, found.uncertainty, found.confidence, found.normal)} == {
        np.dtype(np.float32)
    }


def test_the_pose_is_the_worlds():
    _, found = scene("street")
    x, y, z = found.view.position
    assert (x, y) == (0, 0)
    assert z == pytest.approx(1.6)
    forward = found.view.world_from_camera[:3, 2]
    assert forward[0] == pytest.approx(0, abs=1e-9)
    assert forward[1] > 0.5
    points = found.view.unproject(found.depth)[found.ground]
    assert np.abs(points[:, 2]).max() < 0.01


def test_ground_normals_point_up():
    _, found = scene("street")
    inside = found.ground.copy()
    inside[1:-1, 1:-1] &= (
        found.ground[2:, 1:-1]
        & found.ground[:-2, 1:-1]
        & found.ground[1:-1, 2:]
        & found.ground[1:-1, :-2]
    )
    assert (found.normal[inside][:, 2] > 0.999).mean() > 0.99


@pytest.mark.parametrize(
    "tilt",
    [{"pitch": 12, "yaw": -30, "focal": 700}, {"pitch": -8, "yaw": 12}, {"pitch": 12, "yaw": 35}],
)
def test_focal_length_from_vanishing_points(tilt):
    view = raycast.camera(**tilt)
    picture = raycast.shoot(raycast.street(), view)
    lines = find_lines((picture.colours.mean(-1) * 255).astype(np.uint8))
    assert find_focal(lines, 640) == pytest.approx(view.fx, rel=0.15)


@settings(max_examples=5, deadline=None)
@given(pitch=st.floats(-15, 15), roll=st.floats(-5, 5), yaw=st.floats(-40, 40))
def test_gravity_holds_for_any_tilt(pitch, roll, yaw):
    view = raycast.camera(480, 360, 380, pitch, roll, yaw)
    picture = raycast.shoot(raycast.street(), view)
    lines = find_lines((picture.colours.mean(-1) * 255).astype(np.uint8))
    found = find_gravity(lines, view.fx)
    assert found.trusted
    assert np.degrees(np.arccos(np.clip(found.rotation[2] @ up(view), -1, 1))) < 1.5


def test_camera_height_and_focal_length_set_the_scale():
    truth, low = scene("street")
    options = DepthOptions(focal_px=truth.view.fx, camera_height=3.2)
    high = estimate(photo_of(truth.colours), options)
    near = low.ground & high.ground & (low.depth < 5)
    assert np.allclose(high.depth[near], 2 * low.depth[near], rtol=1e-4)
    in_mm = estimate(
        photo_of(truth.colours), DepthOptions(focal_mm=truth.view.fx / 640 * 36, camera_height=1.6)
    )
    assert np.array_equal(in_mm.depth, low.depth)


def test_exif_focal_length_is_used_and_the_users_wins():
    truth, _ = scene("house")
    photo = photo_of(truth.colours, focal_px=truth.view.fx * 1.1)
    assert estimate(photo).view.fx == pytest.approx(truth.view.fx * 1.1)
    assert estimate(photo, DepthOptions(focal_px=600)).view.fx == pytest.approx(600)


def test_the_same_photo_gives_the_same_depth():
    truth, _ = scene("house")
    photo = photo_of(truth.colours)
    first, second = estimate(photo), estimate(photo)
    assert np.array_equal(first.depth, second.depth)
    assert np.array_equal(first.sky, second.sky)


def test_a_coarser_grid_keeps_scene_and_aspect():
    truth, fine = scene("street")
    options = DepthOptions(focal_px=truth.view.fx, camera_height=1.6, max_pixels=640 * 480 // 4)
    coarse = estimate(photo_of(truth.colours), options)
    assert (coarse.view.width, coarse.view.height) == (320, 240)
    assert coarse.view.fx == pytest.approx(fine.view.fx / 2)
    assert np.median(np.abs(coarse.depth / fine.depth[::2, ::2] - 1)) < 0.1


def _nothing(kind: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    if kind == "noise":
        return rng.random((240, 320, 3))
    if kind == "fog":
        return np.repeat(np.linspace(0.6, 0.8, 240)[:, None, None], 320, axis=1) * np.ones(3)
    return np.full((240, 320, 3), {"white wall": 0.93, "black": 0.0, "white": 1.0}[kind])


@pytest.mark.parametrize("kind", ["noise", "fog", "white wall", "black", "white"])
def test_where_nothing_is_to_be_measured_it_says_so(kind):
    found = estimate(photo_of(_nothing(kind)))
    assert found.confidence.mean() < 0.3
    assert any("guess" in warning for warning in found.warnings)
    assert np.isfinite(found.depth).all()
    assert np.ptp(found.depth) > 1  # still a floor and a backdrop
    assert np.median(found.uncertainty / found.depth) > 0.5


def test_a_measured_scene_is_more_confident_than_a_guess():
    for name in SCENES:
        _, found = scene(name)
        assert found.confidence.mean() > 0.4
        assert found.warnings == ()


@given(st.integers(64, 9000), st.integers(64, 9000), st.integers(10_000, 2_000_000))
def test_the_grid_keeps_aspect_and_budget(width, height, most):
    photo = Photo("a", ".png", b"", np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3)))
    w, h = grid_size(photo, most)
    assert w * h <= max(most, 16 * max(w, h))  # no side below 16 pixels
    assert 16 <= w <= width
    assert 16 <= h <= height
    if min(w, h) > 16:
        assert abs(w - h * width / height) <= 1 + width / height


def test_unknown_sources_and_senseless_options_are_refused():
    photo = photo_of(_nothing("noise"))
    with pytest.raises(DepthError, match=r'"midas".*builtin'):
        estimate(photo, DepthOptions(source="midas"))
    for wrong in (
        {"focal_px": 0},
        {"focal_mm": -3},
        {"camera_height": float("nan")},
        {"max_pixels": 3},
    ):
        with pytest.raises(ArgumentError):
            estimate(photo, DepthOptions(**wrong))


def test_progress_rises_and_cancel_stops():
    told = []
    estimate(
        photo_of(_nothing("noise")),
        progress=Progress(lambda fraction, stage: told.append((fraction, stage))),
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert len(fractions) >= 3
    stopped = Progress()
    stopped.cancel()
    with pytest.raises(Cancelled):
        estimate(photo_of(_nothing("noise")), progress=stopped)


@given(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(2, 50))
def test_normals_of_any_plane_are_that_planes(a, b, distance):
    view = raycast.camera(40, 30, 40, pitch=10, roll=3)
    normal = np.array([a, b, -1]) / np.linalg.norm([a, b, -1])  # camera frame, facing the camera
    depth = (-distance / (view.rays() @ normal)).astype(np.float32)
    found = normals(view, depth)
    assert np.allclose(found, view.world_from_camera[:3, :3] @ normal, atol=2e-3)


def test_normals_do_not_bend_across_a_depth_edge():
    view = raycast.camera(60, 40, 50)
    near = np.arange(60) < 30
    depth = np.broadcast_to(np.where(near, 2.0, 10.0), (40, 60)).astype(np.float32)
    assert np.allclose(normals(view, depth), [0, -1, 0], atol=1e-3)


def test_a_coarse_mask_snaps_to_the_picture():
    y, x = np.mgrid[:300, :400]
    true = y < 120 + 30 * np.sin(x / 15)
    rng = np.random.default_rng(1)
    colours = np.where(true[..., None], [0.6, 0.75, 0.95], [0.5, 0.4, 0.3]) + rng.normal(
        0, 0.03, (300, 400, 3)
    )
    coarse = true[::4, ::4]
    snapped = snap_mask(coarse, colours.astype(np.float32))
    blocky = np.kron(coarse, np.ones((4, 4), bool))
    assert (snapped != true).sum() < 0.2 * (blocky != true).sum()
