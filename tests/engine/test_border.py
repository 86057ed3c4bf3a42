"""Beyond the photo's border: small moves open no void, surfaces go on in their own planes, marked and doubted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifted_scenes import CONFIDENCE, SCENES, estimate_of, inside, photograph, scene_depth
from scenes import view, wall_and_ground

from engine.lift.border import border_layer
from engine.lift.continuing import MOST_CONFIDENCE
from engine.lift.lifting import lift
from engine.lift.surface import Surface
from engine.render import VOID_ALPHA, RenderOptions
from engine.render.rasteriser import render
from engine.splats import HIDDEN_LAYER

MOVES = {
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "up": (0, -1, 0),
    "back": (0, 0, -1),
    "forward": (0, 0, 1),
}
GREY = np.full((48, 64, 3), 0.5, np.float32)


def void(splats, camera, move, metres):
    """The share of the whole frame that is void after a move in the camera's own directions."""
    pose = camera.world_from_camera.copy()
    pose[:3, 3] += pose[:3, :3] @ np.array(move) * metres
    moved = replace(camera, world_from_camera=pose)
    return (render(splats, moved, RenderOptions(color_only=True)).alpha < VOID_ALPHA).mean()


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_small_moves_leave_the_whole_frame_closed(name, move):
    picture = photograph(name)
    estimate = estimate_of(picture)
    splats = lift(estimate, picture.colours).splats
    bare = splats.select((splats.origin != HIDDEN_LAYER) | inside(splats, estimate.view))
    for part, most in ((0.05, 0.005), (0.1, 0.02)):
        metres = part * scene_depth(estimate)
        assert void(splats, estimate.view, move, metres) < most
        if move != MOVES["forward"]:
            assert void(bare, estimate.view, move, metres) > most


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(2, 30))
def test_a_plane_goes_on_as_that_plane(tilt, turn, distance):
    """However it is turned: outside the frame, never nearer than the plane, and hardly behind it."""
    camera = view()
    normal = np.array([np.sin(turn), -np.cos(turn) * np.cos(tilt), np.sin(tilt)])
    normal /= np.linalg.norm(normal)
    rays = camera.rays() @ camera.world_from_camera[:3, :3].T
    depth = (-distance / (rays @ normal)).astype(np.float32)
    normals = np.broadcast_to(normal, (48, 64, 3)).astype(np.float32)
    plane = replace(wall_and_ground(), depth=depth, normal=normals, sky=depth < 0)
    splats, pixels = border_layer(Surface(plane), GREY)
    assert len(splats) > 50
    assert not inside(splats, camera).any()
    behind = -((splats.positions - camera.position) @ normal) / distance - 1
    assert behind.min() > 0
    assert behind.max() < 0.2
    places, from_camera = camera.project(splats.positions)
    clear = (
        np.hypot(*np.maximum(np.maximum(-places, places - [64, 48]), 0).T) > 24
    )  # not under the picture's own splats
    clear &= (
        np.abs(np.log(from_camera / depth.ravel()[pixels])) < 0.6
    )  # of twice or half the depth it is no plane any more
    assert behind[clear].max(initial=0) < 0.003
    assert np.abs(np.abs(splats.normals @ normal) - 1).max() < 1e-3


def test_it_is_marked_and_doubted_the_more_the_farther_out():
    picture = photograph("street")
    estimate = estimate_of(picture)
    splats, pixels = border_layer(Surface(estimate), picture.colours)
    assert (splats.origin == HIDDEN_LAYER).all()
    assert splats.confidence.min() > 0
    assert splats.confidence.max() <= MOST_CONFIDENCE * CONFIDENCE + 1e-6
    places, _ = estimate.view.project(splats.positions)
    rows, columns = np.divmod(pixels, estimate.view.width)
    for seed in np.unique(pixels):
        own = pixels == seed
        away = np.hypot(places[own, 0] - columns[own], places[own, 1] - rows[own])
        doubt = splats.confidence[own]
        assert np.corrcoef(np.append(away, 0), np.append(doubt, 1))[0, 1] < 0


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 60), st.integers(1, 2), st.floats(1, 3))
def test_a_pole_at_the_border_is_not_continued(column, width, near):
    """It would sweep over what the photo shows; the wall goes on instead."""
    estimate = wall_and_ground()
    depth = np.full((48, 64), 12, np.float32)
    depth[:, column : column + width] = near
    normal = np.broadcast_to(np.float32([0, -1, 0]), (48, 64, 3))
    estimate = replace(estimate, depth=depth, normal=normal, sky=depth < 0)
    splats, _ = border_layer(Surface(estimate), GREY)
    _, distance = estimate.view.project(splats.positions)
    assert distance.min() > 11.9


def test_a_wide_thing_at_the_border_is_continued():
    estimate = wall_and_ground()
    depth = np.full((48, 64), 12, np.float32)
    depth[20:, 20:44] = 3
    normal = np.broadcast_to(np.float32([0, -1, 0]), (48, 64, 3))
    estimate = replace(estimate, depth=depth, normal=normal, sky=depth < 0)
    splats, _ = border_layer(Surface(estimate), GREY)
    places, distance = estimate.view.project(splats.positions)
    below = (places[:, 1] > 48) & (np.abs(places[:, 0] - 32) < 8) & (places[:, 1] < 56)
    assert below.sum() > 4
    assert np.abs(distance[below] / 3 - 1).max() < 0.05


def test_the_picture_goes_on_in_its_mirror_image():
    """A facade of stripes: beyond the border they lie where a mirror at the border shows them."""
    estimate = wall_and_ground()
    depth = np.full((48, 64), 8, np.float32)
    normal = np.broadcast_to(np.float32([0, -1, 0]), (48, 64, 3))
    estimate = replace(estimate, depth=depth, normal=normal, sky=depth < 0)
    colours = np.repeat((np.arange(64) // 8 % 2).astype(np.float32)[None, :, None], 48, 0).repeat(
        3, 2
    )
    splats, _ = border_layer(Surface(estimate), colours)
    places, _ = estimate.view.project(splats.positions)
    right = (places[:, 0] > 64) & (np.abs(places[:, 1] - 24) < 20)
    mirror = 128 - places[right, 0]
    clear = np.abs(mirror % 8 - 4) < 2  # not where two stripes meet
    expected = (mirror // 8).astype(int) % 2
    assert clear.sum() > 10
    assert np.abs(splats.colors[right, 0] - expected)[clear].max() < 0.3
