"""Off the beaten track, in the headless Blenders: jobs that wait, copies, links, failed frames, odd cameras and images."""

from pathlib import Path

import blenders
import pytest

from engine.exr import read_exr

SCENARIOS = Path(__file__).with_name("review_scenarios.py")


@pytest.fixture
def play(bpy_blender, china, tmp_path):
    """Run a scenario and give what it measured."""

    def run(name: str) -> dict:
        return blenders.run(bpy_blender, SCENARIOS, name, china, tmp_path, timeout=240)

    return run


def test_no_job_waits_for_an_engine_that_has_ended_or_for_its_turn_once_cancelled(play):
    result = play("endings")
    ended = result["ended"]
    assert not ended["waits"]
    assert len(ended["said"]) == 5
    assert ended["kept"] == 0, "tasks that nobody takes out stay in memory for ever"
    assert all("engine was stopped" in said for said in ended["said"])
    assert ended["late"][0]
    assert "engine was stopped" in ended["late"][1]
    assert not ended["polls"], "opening a scene would stand still until the reconstruction is done"
    _seconds, other_done = result["waited"]
    assert not other_done, "the other job ended before anything could be measured"
    assert result["cancelled"] == [False, True, ["reconstruct"]]
    assert result["all"]


def test_copies_failed_saves_and_links_lead_to_the_scene(play):
    result = play("saves")
    assert set(result["problems"].values()) == {""}, result["problems"]
    assert result["rendered"] == ["FINISHED"]
    assert result["polls"] == {
        "dolly": False,
        "set_lens": False,
        "key_camera": False,
        "add_camera": True,
    }


def test_an_unsaved_blend_renders_finished_frames(play, tmp_path):
    result = play("unsaved")
    assert result["answer"] == ["FINISHED"]
    assert Path(result["folder"]).parent == tmp_path
    [file] = result["files"]
    channels, _ = read_exr(Path(file))
    assert "depth.Z" in channels


def test_a_frame_that_fails_is_an_error_and_no_file(play):
    result = play("frames")
    assert "could not be rendered" in result["answer"]
    assert "cannot reshape" in result["answer"]
    assert result["files"] == result["left"] == []


def test_cameras_of_every_fit_and_no_camera(play):
    result = play("cameras")
    assert not any(result["polls"].values()), result["polls"]
    for focal, sensor, fx in result["lenses"]:
        assert focal == pytest.approx(33)
        assert focal / sensor == pytest.approx(fx)


def test_images_painted_on_overwritten_and_gone(play, tmp_path):
    result = play("images")
    assert result["sizes"] == [[640, 427], [96, 128]]
    assert result["said"]["painted"] == ["FINISHED"]
    assert "Load the image again" in result["said"]["gone"]
    assert Path(result["folder"]).parent == Path(result["home"])
    assert result["images"] == ["gone"]


def test_a_frame_is_finished_or_it_is_said_why_not(play):
    result = play("templates")
    [file] = result["files"]
    channels, _ = read_exr(Path(file))
    assert ("depth.Z" in channels) != ("could not be finished" in result["said"])


def test_a_unit_scale_that_is_not_metres_is_said(play):
    assert play("units")["said"] == [False, True]
