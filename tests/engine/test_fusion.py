"""What the network may change of what lines, colours and planes say, and what not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.depth.builtin import fusion
from engine.depth.builtin.gravity import Gravity, turned_so
from engine.depth.builtin.pose import Pose
from engine.depth.builtin.prediction import Prediction
from engine.depth.builtin.relief import Relief

SHAPE = 48, 64
NO_SKY = np.zeros(SHAPE, bool)
GREY = np.full((*SHAPE, 3), 0.5, np.float32)
LEVEL = np.array([0.0, -1.0, 0.0])


def said(**maps):
    """A prediction of nothing in particular, but for what is given."""
    plain = np.full((12, 16), 0.5, np.float32)
    values = {
        "log_depth": plain,
        "spread": plain,
        "sky": 0 * plain,
        "ground": 0 * plain,
    }
    normal = np.broadcast_to(np.float32([0, 0, -1]), (12, 16, 3))
    scalars = {"indoors": 0.5, "up": LEVEL}
    return Prediction(**{"normal": normal, **values, **scalars, **maps})


def relief(sharp, smooth, beside=0.0, **maps):
    """A network's depth from maps of metres."""
    return Relief(said(**maps), np.log(sharp), np.log(smooth), np.full(SHAPE, beside, np.float32))


def gravity(pitch=0.0, roll=0.0, trusted=True):
    return Gravity(pitch, roll, 0.0, 0.5, 50, trusted)


def depths(seed, count):
    """Maps of depth from half a metre to a hundred."""
    return list(
        np.exp(np.random.default_rng(seed).uniform(-0.7, 4.6, (count, *SHAPE))).astype(np.float32)
    )


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_what_is_fused_lies_between_planes_and_network(seed, trust):
    planes, sharp, smooth = depths(seed, 3)
    ground = np.random.default_rng(seed).random(SHAPE) < 0.5
    depth, level = fusion.fused(planes, ground, NO_SKY, relief(sharp, smooth), trust)
    lowest, highest = np.min([planes, sharp, smooth], axis=0), np.max([planes, smooth], axis=0)
    assert depth.dtype == np.float32
    assert (depth >= lowest * 0.9999).all()
    assert (depth <= highest * 1.0001).all()
    assert not level.any()  # the network sees none
    untrusted, _ = fusion.fused(planes, ground, NO_SKY, relief(sharp, smooth), 0.0)
    np.testing.assert_allclose(untrusted, planes, rtol=1e-5)


def test_what_both_call_ground_keeps_its_planes_depth():
    planes, sharp, smooth = depths(1, 3)
    ground = np.zeros(SHAPE, bool)
    ground[20:] = True
    depth, level = fusion.fused(
        planes, ground, NO_SKY, relief(sharp, smooth, ground=np.ones((12, 16), np.float32))
    )
    np.testing.assert_array_equal(level, ground)
    np.testing.assert_allclose(depth[ground], planes[ground], rtol=1e-5)
    assert np.abs(np.log(depth / planes))[~ground].mean() > 0.1


def test_a_thing_before_a_wall_stands_out_and_the_wall_stays_straight():
    planes = np.full(SHAPE, 10.0, np.float32)
    smooth = planes * 1.05
    sharp = smooth.copy()
    sharp[20:30, 20:30] = 3.0  # a thing
    sharp[5:10, 5:10] = 9.7  # a window's frame
    depth, _ = fusion.fused(planes, np.zeros(SHAPE, bool), NO_SKY, relief(sharp, smooth))
    assert depth[25, 25] < 6.5
    assert abs(depth[7, 7] / depth[7, 40] - 1) < 0.01


def test_beside_silhouettes_the_networks_steps_are_drawn_about_where_the_planes_are():
    planes = np.full(SHAPE, 10.0, np.float32)
    sharp = np.full(SHAPE, 22.0, np.float32)  # it sees all twice as far away
    sharp[:, 32:] = 20.0
    depth, _ = fusion.fused(
        planes, np.zeros(SHAPE, bool), NO_SKY, relief(sharp, planes, beside=1.0)
    )
    assert depth[24, 31] == pytest.approx(10)  # never farther
    assert 9 < depth[24, 32] < 9.8


def test_the_sky_behind_moves_no_silhouette():
    planes = np.full(SHAPE, 10.0, np.float32)
    sky = np.zeros(SHAPE, bool)
    sky[:, :32] = True
    planes[sky] = 500.0
    thing = np.full(SHAPE, 10.0, np.float32)
    depth, _ = fusion.fused(planes, NO_SKY, sky, relief(thing, thing, beside=1.0))
    np.testing.assert_allclose(depth[~sky], 10.0, rtol=0.01)


def test_a_sky_that_the_network_doubts_is_none():
    found = np.zeros(SHAPE, bool)
    found[:10, :30] = found[:10, 40:] = True
    probability = np.zeros((12, 16), np.float32)
    probability[:, :8] = 0.9
    pose = Pose(50.0, "given", gravity(), found)
    corrected = fusion.corrected(pose, said(sky=probability), GREY)
    assert corrected.sky[:10, :30].all()
    assert not corrected.sky[:, 40:].any()


def test_a_sky_that_only_the_network_sees_ends_where_the_picture_has_an_edge():
    colours = np.full((*SHAPE, 3), 0.2, np.float32)
    colours[:21] = 0.3, 0.4, 0.6
    probability = np.zeros((12, 16), np.float32)
    probability[:5] = 0.9
    nothing = Pose(50.0, "given", gravity(), np.zeros(SHAPE, bool))
    sky = fusion.corrected(nothing, said(sky=probability, indoors=0.1), colours).sky
    assert sky[:21].all()
    assert not sky[21:].any()
    fog = Pose(50.0, "given", replace(gravity(), lines=0), np.zeros(SHAPE, bool))
    assert not fusion.corrected(fog, said(sky=probability, indoors=0.1), colours).sky.any()
    in_a_room = fusion.corrected(nothing, said(sky=probability, indoors=0.9), colours)
    assert not in_a_room.sky.any()


def test_clouds_are_sky_and_what_stands_or_is_surely_no_sky_is_not():
    found = np.zeros(SHAPE, bool)
    found[:24] = True
    found[4:8, 10:20] = False  # a cloud
    found[4:8, 40:50] = False  # a lamp on a wire
    found[10:24, 28:32] = False  # a tower
    probability = np.zeros((12, 16), np.float32)
    probability[:6] = 0.9
    probability[:3, 9:14] = 0.0
    sky = fusion.corrected(
        Pose(50.0, "given", gravity(), found), said(sky=probability, indoors=0.1), GREY
    ).sky
    assert sky[4:8, 10:20].all()
    assert not sky[4:8, 40:50].any()
    assert not sky[10:24, 28:32].any()
    assert not sky[24:].any()


def test_only_a_guessed_tilt_is_moved_towards_the_networks():
    up = np.array([0.0, -np.cos(0.3), np.sin(0.3)])
    known = Pose(50.0, "given", gravity(0.1, 0.05), np.zeros(SHAPE, bool))
    assert fusion.corrected(known, said(up=up), GREY).gravity == known.gravity
    guessed = Pose(50.0, "given", gravity(trusted=False), np.zeros(SHAPE, bool))
    moved = fusion.corrected(guessed, said(up=up), GREY).gravity
    assert moved.pitch == pytest.approx(0.15)
    assert moved.roll == pytest.approx(0)
    assert not moved.trusted


@given(st.floats(-0.8, 0.8), st.floats(-0.3, 0.3), st.floats(0.1, 10))
@settings(deadline=None, max_examples=50)
def test_a_tilt_is_found_again_from_its_up(pitch, roll, length):
    found = turned_so(gravity(), gravity(pitch, roll).rotation[2] * length)
    assert found.pitch == pytest.approx(pitch, abs=1e-9)
    assert found.roll == pytest.approx(roll, abs=1e-9)


@pytest.mark.parametrize("cues", [True, False])
def test_a_sure_network_outweighs_the_cues_and_an_unsure_one_does_not(cues):
    assert fusion.indoors(said(indoors=0.99), cues)
    assert not fusion.indoors(said(indoors=0.01), cues)
    assert fusion.indoors(said(indoors=0.5), cues) == cues
    assert fusion.indoors(said(indoors=1.0), cues)
    assert not fusion.indoors(said(indoors=0.0), cues)
