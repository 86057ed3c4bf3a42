"""Laws of rotations, cameras, moves and colour."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.camera import Camera, View
from engine.colour import decode_srgb, encode_srgb
from engine.errors import ArgumentError
from engine.geometry import (
    LOOK_ALONG_Y,
    invert_pose,
    matrix_to_quaternion,
    pose,
    quaternion_to_matrix,
    rotation_about,
)
from engine.moves import Move, parse_move

angles = st.floats(-3.1, 3.1)
metres = st.floats(-20, 20)


@st.composite
def rotations(draw):
    axis = np.array([draw(st.floats(-1, 1)), draw(st.floats(-1, 1)), draw(st.floats(0.1, 1))])
    return rotation_about(axis, draw(angles))


@st.composite
def views(draw):
    width, height = draw(st.integers(1, 400)), draw(st.integers(1, 400))
    f = draw(st.floats(20, 2000))
    position = [draw(metres), draw(metres), draw(metres)]
    centre = draw(st.floats(0, width)), draw(st.floats(0, height))
    return View(
        f, f * draw(st.floats(0.5, 2)), *centre, width, height, pose(draw(rotations()), position)
    )


@given(rotations())
def test_quaternions_and_matrices_are_inverse(rotation):
    quaternion = matrix_to_quaternion(rotation)
    assert quaternion[0] >= 0
    assert np.allclose(np.linalg.norm(quaternion), 1)
    assert np.allclose(quaternion_to_matrix(quaternion), rotation, atol=1e-9)


@given(rotations(), rotations())
def test_product_of_rotations_is_a_rotation(a, b):
    product = quaternion_to_matrix(matrix_to_quaternion(a @ b))
    assert np.allclose(product @ product.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(product) == pytest.approx(1)


@given(rotations(), metres, metres, metres)
def test_inverse_pose(rotation, x, y, z):
    matrix = pose(rotation, [x, y, z])
    assert np.allclose(matrix @ invert_pose(matrix), np.eye(4), atol=1e-9)


@settings(max_examples=40)
@given(views(), st.floats(0.1, 1000))
def test_unprojection_is_inverse_to_projection(view, metres_away):
    depth = np.full((view.height, view.width), metres_away, np.float32)
    pixels, z = view.project(view.unproject(depth))
    assert np.allclose(z, metres_away, rtol=1e-4)
    # Rays are float32; a pixel far off the axis of a long lens loses the most.
    tolerance = 1e-3 * max(1.0, abs(view.cx), abs(view.cy), view.width, view.height) / 10
    assert np.allclose(pixels[..., 0], np.arange(view.width) + 0.5, atol=tolerance)
    assert np.allclose(pixels[..., 1], np.arange(view.height)[:, None] + 0.5, atol=tolerance)


@given(views())
def test_reading_a_view_is_inverse_to_writing_it(view):
    record = json.loads(json.dumps(view.to_json()))
    again = View.from_json(record)
    assert np.array_equal(again.world_from_camera, view.world_from_camera)
    assert again.to_json() == record == view.to_json()


def test_an_incomplete_view_is_refused_in_words():
    record = View(10, 10, 2, 2, 4, 4, np.eye(4)).to_json()
    del record["cy"]
    with pytest.raises(ArgumentError, match=r"The view is incomplete \('cy'\)\."):
        View.from_json(record)
    with pytest.raises(ArgumentError, match="The view is incomplete"):
        View.from_json({**record, "cy": 2.0, "world_from_camera": [1.0] * 15})


@settings(max_examples=40)
@given(views())
def test_resizing_moves_no_edge(view):
    double = view.resized(view.width * 2, view.height * 2)
    point = view.world_from_camera[:3, 3] + view.world_from_camera[:3, :3] @ [0.1, -0.2, 3]
    assert np.allclose(double.project(point)[0], 2 * view.project(point)[0])


def test_camera_and_view_are_inverse():
    view = View(500, 500, 330, 200, 640, 427, pose(LOOK_ALONG_Y, [0, 0, 1.6]))
    camera = Camera.from_json(Camera.from_view("photo", view).to_json())
    again = camera.view(640, 427)
    assert np.allclose(again.intrinsics, view.intrinsics, atol=1e-9)
    assert np.allclose(again.world_from_camera, view.world_from_camera)


def test_photo_camera_looks_along_y_with_z_up():
    view = View(500, 500, 320, 200, 640, 400, pose(LOOK_ALONG_Y, [0, 0, 1.6]))
    ahead, right_and_up = view.project(np.array([[0, 10, 1.6], [1, 10, 2.6]]))[0]
    assert np.allclose(ahead, [320, 200])
    assert right_and_up[0] > 320
    assert right_and_up[1] < 200


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (2_000_000, 10)])
def test_view_refuses_sizes_that_cannot_be_drawn(size):
    with pytest.raises(ArgumentError, match="pixels"):
        View(1, 1, 0, 0, *size, np.eye(4))


@pytest.mark.parametrize("focal", [0.0, -1.0, float("nan"), float("inf")])
def test_view_refuses_lenses_that_do_not_exist(focal):
    with pytest.raises(ArgumentError, match="focal"):
        View(focal, 1, 0, 0, 10, 10, np.eye(4))


PHOTO = Camera("photo", np.array([0, 0, 1.6]), matrix_to_quaternion(LOOK_ALONG_Y), 35.0)


def test_moves_go_where_their_names_say():
    def end(text):
        return parse_move(text).camera_at(PHOTO, 1.0, 5.0).position - PHOTO.position

    assert np.allclose(end("dolly:2"), [0, 2, 0])
    assert np.allclose(end("truck:2"), [2, 0, 0])
    assert np.allclose(end("pedestal:2"), [0, 0, 2])
    assert np.allclose(end("orbit:90"), [5, 5, 0])
    assert parse_move("lens:50").camera_at(PHOTO, 0.5, 5.0).focal_length == pytest.approx(42.5)


@given(st.floats(-170, 170), st.floats(1, 50))
def test_orbit_keeps_the_pivot_in_the_middle(degrees, distance):
    camera = Move(orbit=degrees).camera_at(PHOTO, 1.0, distance)
    pixels, depth = camera.view(100, 100).project(np.array([0, distance, 1.6]))
    assert np.allclose(pixels, 50, atol=1e-6)
    assert depth == pytest.approx(distance)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-60, 60))
def test_no_move_at_the_start(dolly, truck, orbit):
    start = Move(dolly=dolly, truck=truck, orbit=orbit).camera_at(PHOTO, 0.0, 5.0)
    assert np.allclose(start.world_from_camera, PHOTO.world_from_camera)


@pytest.mark.parametrize("text", ["fly:2", "dolly", "dolly:x", "dolly:nan", "lens:0", "lens:-3"])
def test_unusable_moves_say_what_is_usable(text):
    with pytest.raises(ArgumentError, match=r"dolly|number"):
        parse_move(text)


@given(st.floats(-2, 20, width=32))
def test_srgb_transfer_is_inverse_also_above_one(value):
    assert decode_srgb(encode_srgb(np.float32(value))) == pytest.approx(value, rel=1e-4, abs=1e-6)


def test_srgb_transfer_meets_the_standard():
    assert decode_srgb(np.array([0, 0.5, 1])) == pytest.approx([0, 0.21404114, 1], abs=1e-6)
