"""The installed zip in every headless Blender: what an artist does, and what goes wrong."""

from pathlib import Path

import blenders
import numpy as np
import pytest

SCENARIOS = Path(__file__).with_name("scenarios.py")


@pytest.fixture
def play(blender, china, tmp_path):
    """Run a scenario and give what it measured."""

    def run(name: str) -> dict:
        return blenders.run(blender, SCENARIOS, name, china, tmp_path, timeout=240)

    return run


def test_registers_draws_and_leaves_nothing_behind(play):
    result = play("registration")
    assert {"ANCHORSTAGE_PT_reconstruct", "ANCHORSTAGE_PT_scene", "ANCHORSTAGE_PT_camera"} <= set(
        result["panels"]
    )
    assert set(result["with_scene"]) > set(result["panels"])
    assert "ANCHORSTAGE_PT_regions" in result["with_scene"]
    assert result["polls"]["reconstruct"] is True
    assert result["polls"]["dolly"] is False
    assert result["polls"]["cancel"] is False
    assert result["presets"] == 1
    assert all(result["handlers"][name] for name in ("load_post", "save_pre", "undo_post"))
    assert (result["left"], result["gone"], result["threads"]) == ([], True, [])
    assert set(result["panels_again"]) >= set(result["panels"])


def test_reconstruction_gives_the_photos_own_camera(play):
    result = play("reconstruction")
    assert {"scene.json", "splats.ply", "photo.jpg", "maps/depth.exr"} <= set(
        result["folder_files"]
    )
    assert result["photo_bytes_kept"]
    assert result["size"] == [640, 427]
    assert 0 < result["splats"] <= 20_000
    assert 1 <= len(result["regions"]) <= 10
    record, view = result["record"], result["view"]
    focal = record["focal_length"] / record["sensor_width"] * 640
    centre = 320 - record["shift"][0] * 640, 213.5 + record["shift"][1] * 640
    assert np.allclose([view["fx"], view["fy"]], focal, atol=1e-3)
    assert np.allclose([view["cx"], view["cy"]], centre, atol=1e-3)
    for name in ("position", "rotation", "focal_length", "sensor_width", "aspect_ratio", "shift"):
        assert np.allclose(result["back"][name], record[name], atol=1e-4), name
    assert "exists already" in result["occupied"]
    assert result["again"].endswith("two.anchorstage")
    assert len(result["cameras"]) == 1


def test_bad_photos_are_refused_with_a_sentence(play):
    result = play("refusals")
    for name, sentence in result["said"].items():
        assert sentence.startswith("Error: "), name
        assert sentence.rstrip().endswith("."), (name, sentence)
    assert result["path"]
    assert result["left"] == ["empty.png", "half.jpg", "one.anchorstage", "text.jpg"]


def test_cancel_takes_effect_and_leaves_nothing(play):
    result = play("cancelling")
    assert any(seconds is not None for seconds in result["seconds"]), (
        "every job was over before it could be cancelled"
    )
    assert result["left"] == ["warm.anchorstage"]
    assert result["next"].endswith("after.anchorstage")


def test_killed_engine_is_one_sentence_and_the_next_job_works(play):
    result = play("killed_worker")
    assert "stopped unexpectedly" in result["said"]
    assert result["same"]
    assert result["other_process"]
    assert result["next"] > 0


def test_engine_that_died_idle_is_started_again(play):
    assert play("idle_death")["next"] > 0


def test_engine_inside_blender_does_the_same_work_or_says_why_not(play, blender):
    result = play("in_thread")
    assert result["now"] > 0
    if blender.kind == "window":  # Debian links these against an OpenEXR of its own
        assert "cannot run inside this Blender" in result["said"]
    else:
        assert result["kind"] == "ThreadWorker"
        assert "no scene.json" in result["said"]


def test_damaged_scenes_are_refused_and_the_open_one_stays(play):
    result = play("corrupt_scene")
    assert "truncated" in result["said"]["truncated"]
    assert "Update AnchorStage" in result["said"]["newer"]
    assert "not an AnchorStage scene" in result["said"]["no scene"]
    assert result["kept"]
    assert result["opens"] == ["FINISHED"]


def test_missing_folder_offers_relink(play):
    result = play("missing_folder")
    assert any("missing" in text for text in result["scene_panel"])
    assert "anchorstage.relink" in result["scene_panel"]
    assert result["relinked"] == ""
    assert result["camera_kept"] == 3.25


def test_save_and_reopen_also_under_another_folder(play):
    result = play("save_and_reopen")
    assert [entry["path"] for entry in result["paths"]] == [
        "//räum.anchorstage",
        "//../räum.anchorstage",
    ]
    assert all(entry["problem"] == "" and entry["empty"] for entry in result["paths"])
    assert result["locked"]
    assert result["camera"].startswith("AnchorStage Shot")
    assert result["keys"] >= 6


def test_two_blender_scenes_have_their_own_splats(play):
    assert play("two_scenes") | {"stdout": ""} == {
        "empty": True,
        "here": "two.anchorstage",
        "camera_elsewhere": True,
        "stdout": "",
    }


def test_moves_are_metric(play):
    result = play("moves")
    right, _up, forward, _z = result["moves"]["dolly"]
    assert (right, forward) == pytest.approx((0, 2), abs=1e-4)
    assert result["moves"]["truck"][0] == pytest.approx(0.5, abs=1e-4)
    assert result["moves"]["pedestal"][3] == pytest.approx(0.25, abs=1e-4)
    assert result["moves"]["orbit"] == pytest.approx([0, 0, 1], abs=1e-3)
    assert result["keyless"]
    assert result["keyed"]
    assert result["back_to_photo"] < 1e-5
    assert result["preset_lens"] == 24
