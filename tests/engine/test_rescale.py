"""Metric truth: after rescaling the measured thing has exactly its length, and the photo's own view is what it was."""

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import scene

from engine.camera import Camera
from engine.errors import ArgumentError, Cancelled, OutputError, SceneError
from engine.jobs import Desk, run_job
from engine.jobs.scene_cache import SceneCache
from engine.progress import Progress
from engine.regions import Region
from engine.render.rasteriser import render
from engine.scene import Scene
from engine.scene import folder as folders
from engine.scene.folder import open_scene, save, save_parts
from engine.scene.measuring import Measure, measured
from engine.scene.parts import levels
from engine.scene.rescale import rescale

EXACT = 1e-4  # relative
WALL, FAR_WALL = (10.0, 8.0), (50.0, 20.0)  # pixels above the horizon: the wall, 8 m away
GROUND = (20.0, 40.0)


def whole() -> Scene:
    """The wall and the ground, seen by an eye that is not above the origin, with a second camera."""
    made = scene()
    moved = np.array([3.0, -2.0, 0])
    cameras = [replace(camera, position=camera.position + moved) for camera in made.cameras]
    shot = replace(cameras[0], id="shot", position=np.add(cameras[0].position, (0.5, 1.0, 0.25)))
    regions = [
        replace(region, plane=region.plane - [0, 0, 0, region.plane[:3] @ moved])
        for region in made.regions
    ]
    splats = made.splats.with_(positions=made.splats.positions + moved)
    return made.with_(splats=splats, cameras=(*cameras, shot), regions=tuple(regions))


def lengths():
    """Measures of every kind, of lengths from a miniature to a mountain."""
    metres = st.floats(0.01, 5000)
    return st.one_of(
        st.builds(lambda m: Measure(camera_height=m), metres),
        st.builds(lambda m: Measure(distance=m, points=(WALL, FAR_WALL)), metres),
        st.builds(lambda m: Measure(distance=m, points=(WALL, GROUND)), metres),
        st.builds(lambda m: Measure(object_height=m, points=(WALL, (10.0, 30.0))), metres),
    )


@settings(max_examples=20, deadline=None)
@given(lengths())
def test_the_measured_thing_has_its_length_exactly(measure):
    before = whole()
    after, factor = rescale(before, measure)
    assert measured(after, measure) == pytest.approx(measure.length, rel=EXACT)
    assert factor == pytest.approx(measure.length / measured(before, measure), rel=1e-9)


@settings(max_examples=10, deadline=None)
@given(lengths())
def test_every_part_grows_about_the_ground_under_the_eye(measure):
    before = whole()
    after, factor = rescale(before, measure)
    centre = before.camera("photo").position * [1, 1, 0]

    def grown(points):
        return centre + factor * (points - centre)

    size = factor * 10
    assert np.allclose(after.splats.positions, grown(before.splats.positions), atol=EXACT * size)
    assert np.allclose(after.splats.scales, factor * before.splats.scales, rtol=EXACT)
    assert np.allclose(after.maps.depth, factor * before.maps.depth, rtol=EXACT)
    assert np.allclose(after.maps.uncertainty, factor * before.maps.uncertainty, rtol=EXACT)
    for new, old in zip(after.cameras, before.cameras, strict=True):
        assert np.allclose(new.position, grown(old.position), atol=EXACT * size)
        assert new.focal_length == old.focal_length
    for new, old in zip(after.regions, before.regions, strict=True):
        on_it = -old.plane[:3] * old.plane[3]  # a point of the plane
        assert new.plane[:3] @ grown(on_it) + new.plane[3] == pytest.approx(0, abs=EXACT * size)
        assert np.array_equal(new.mask, old.mask)
    assert np.array_equal(after.splats.colors, before.splats.colors)
    assert len(after.levels.blocks) > 0


def test_the_photos_own_view_is_unchanged_and_depth_grows():
    before = whole()
    after, factor = rescale(before, Measure(camera_height=4.0))
    was, now = render(before.splats, before.photo_view), render(after.splats, after.photo_view)
    assert np.abs(was.color - now.color).max() < 2e-3
    assert np.allclose(now.depth, factor * was.depth, rtol=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 10))
def test_scaling_there_and_back_is_the_scene_again(metres):
    before = whole()
    there, factor = rescale(before, Measure(camera_height=metres))
    back, inverse = rescale(there, Measure(camera_height=before.camera("photo").position[2]))
    assert factor * inverse == pytest.approx(1)
    assert np.allclose(back.splats.positions, before.splats.positions, atol=1e-4)
    assert np.allclose(back.maps.depth, before.maps.depth, rtol=1e-5)


def test_known_lengths_of_the_wall_are_measured():
    """The wall is 8 m away: 40 pixels at a focal length of 60 are 5.33 m; the ground's eye is 1.6 m up."""
    made = whole()
    assert measured(made, Measure(camera_height=1)) == pytest.approx(1.6)
    across = Measure(distance=1, points=((10.0, 10.0), (50.0, 10.0)))
    assert measured(made, across) == pytest.approx(8 * 40 / 60, rel=1e-5)
    height = Measure(object_height=1, points=((32.0, 6.0), (32.0, 30.0)))
    assert measured(made, height) == pytest.approx(8 * 24 / 60, rel=1e-5)


def test_a_height_is_read_from_the_foot_alone():
    """A pole's top stands before the sky or a far wall: its own depth is not asked."""
    made = whole()
    depth = made.maps.depth.copy()
    depth[:20] = 500
    sky = Region("sky", "Sky", np.arange(48)[:, None] + np.zeros((1, 64)) < 20, None)
    behind = made.with_(maps=replace(made.maps, depth=depth), regions=(*made.regions, sky))
    pole = Measure(object_height=1, points=((32.0, 6.0), (32.0, 30.0)))
    assert measured(behind, pole) == pytest.approx(measured(made, pole))


def test_points_are_pixels_of_the_photo_not_of_the_maps():
    made = whole()
    large = made.with_(photo=replace(made.photo, width=640, height=480))
    small = Measure(distance=1, points=(WALL, GROUND))
    same = Measure(distance=1, points=tuple((10 * x, 10 * y) for x, y in small.points))
    assert measured(large, same) == pytest.approx(measured(made, small), rel=1e-9)


BAD = {
    "nothing": {},
    "two lengths": {"camera_height": 1, "distance": 2, "points": (WALL, GROUND)},
    "no points": {"distance": 1},
    "one point": {"distance": 1, "points": (WALL,)},
    "three numbers": {"distance": 1, "points": (WALL, (1, 2, 3))},
    "same points": {"distance": 1, "points": (WALL, WALL)},
    "points of a height": {"camera_height": 1, "points": (WALL, GROUND)},
    "negative": {"camera_height": -1},
    "zero": {"distance": 0, "points": (WALL, GROUND)},
    "not a number": {"camera_height": float("nan")},
    "endless": {"camera_height": float("inf")},
    "a point that is no number": {"distance": 1, "points": (WALL, (float("nan"), 1))},
    "words": {"camera_height": "tall"},
    "truth": {"camera_height": True},
    "word as point": {"distance": 1, "points": ("here", "there")},
    "no list": {"distance": 1, "points": 7},
    "outside": {"distance": 1, "points": (WALL, (65.0, 10.0))},
    "far outside": {"distance": 1, "points": (WALL, (1e300, 10.0))},
    "above": {"distance": 1, "points": (WALL, (10.0, -1.0))},
    "sky": {"distance": 1, "points": (WALL, (1.0, 1.0))},
    "foot in the sky": {"object_height": 1, "points": (WALL, (1.0, 1.0))},
    "foot above top": {"object_height": 1, "points": ((10.0, 30.0), WALL)},
    "top outside": {"object_height": 1, "points": ((10.0, -3.0), (10.0, 30.0))},
    "unknown": {"width": 3},
}


@pytest.fixture
def folder(tmp_path):
    """A scene with a corner of sky, and a file of the artist's own."""
    made = whole()
    corner = np.zeros((48, 64), bool)
    corner[:4, :4] = True
    save(
        made.with_(regions=(*made.regions, Region("sky", "Sky", corner, None))),
        tmp_path / "s.anchorstage",
    )
    (tmp_path / "s.anchorstage" / "frames").mkdir()
    (tmp_path / "s.anchorstage" / "frames" / "shot.txt").write_text("mine")
    return tmp_path / "s.anchorstage"


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_measured_is_one_sentence_and_changes_nothing(folder, case):
    before = contents(folder)
    with pytest.raises((ArgumentError, SceneError)) as caught:
        run_job("rescale", {"scene": str(folder), **BAD[case]}, Desk())
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    assert contents(folder) == before


def test_job_rewrites_the_folder_and_keeps_what_is_not_the_scenes(folder):
    cache = SceneCache()
    args = {"scene": str(folder), "distance": 12.5, "points": [list(WALL), list(FAR_WALL)]}
    done = run_job("rescale", args, Desk.local(scenes=cache))
    again = open_scene(folder)
    assert measured(again, Measure(distance=12.5, points=(WALL, FAR_WALL))) == pytest.approx(
        12.5, rel=EXACT
    )
    assert cache.get(folder).camera().position[2] == pytest.approx(again.camera().position[2])
    assert done["camera"]["position"][2] == pytest.approx(again.camera().position[2])
    assert "measured distance of 12.5 m" in again.depth_source
    assert (folder / "frames" / "shot.txt").read_text() == "mine"
    assert (folder / "levels.bin").is_file()
    assert len(levels.read(folder, again).blocks) > 0
    run_job("rescale", {"scene": str(folder), "camera_height": 2}, Desk.local(scenes=cache))
    assert open_scene(folder).depth_source.count("measured") == 1
    assert not [path for path in folder.parent.iterdir() if path != folder]


def test_a_failure_on_the_way_leaves_the_old_scene(folder, monkeypatch):
    before = contents(folder)
    made, _ = rescale(open_scene(folder), Measure(camera_height=3))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "_take_along", full)
    with pytest.raises(OutputError, match="full"):
        save_parts(made, folder, {"splats", "maps", "regions"})
    assert contents(folder) == before
    assert os.listdir(folder.parent) == [folder.name]


def test_cancelling_leaves_the_old_scene(folder):
    before = contents(folder)

    def stop(fraction, stage):
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_job("rescale", {"scene": str(folder), "camera_height": 3}, Desk.local(Progress(stop)))
    assert contents(folder) == before
    assert os.listdir(folder.parent) == [folder.name]


def test_a_scene_without_depth_has_a_camera_height_only():
    bare = whole().with_(maps=None)
    after, _ = rescale(bare, Measure(camera_height=3))
    assert after.camera("photo").position[2] == pytest.approx(3)
    with pytest.raises(SceneError, match="no depth map"):
        rescale(bare, Measure(distance=3, points=(WALL, GROUND)))


def test_a_photo_from_below_the_ground_is_not_scaled_by_its_height():
    sunk = whole()
    photo = sunk.camera("photo")
    cameras = tuple(
        replace(c, position=np.array([0, 0, -1.0])) if c is photo else c for c in sunk.cameras
    )
    with pytest.raises(SceneError, match="ground"):
        rescale(sunk.with_(cameras=cameras), Measure(camera_height=3))


def test_a_change_beyond_reason_is_refused():
    near = whole()
    tiny = replace(near.camera("photo"), position=np.array([0, 0, 1e-4]))
    with pytest.raises(ArgumentError, match="times as large"):
        rescale(near.with_(cameras=(Camera(**vars(tiny)),)), Measure(camera_height=5e4))
