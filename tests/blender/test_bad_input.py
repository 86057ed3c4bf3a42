"""What bad input gets in Blender, with the installed zip: a report of one sentence, nothing half-written, nothing lost."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import blenders
import cv2
import numpy as np
import pytest
from test_image import CMYK

from engine.exr import read_exr

pytest.importorskip("resource", reason="limits of files are POSIX")

SCRIPT = Path(__file__).with_name("bad_scenarios.py")
WIDTH, HEIGHT = 192, 128


def picture(china, width, height):
    return cv2.resize(cv2.imread(str(china)), (width, height), interpolation=cv2.INTER_AREA)


def fill(folder: Path, china: Path) -> None:
    """Pictures to take and to refuse."""
    small = picture(china, WIDTH, HEIGHT)
    files = {
        "photo.png": small,
        "large.png": picture(china, 640, 427),
        "sixteen.png": small.astype(np.uint16) * 257,
        "alpha.png": np.dstack([small, small[..., 0]]),
        "grey.png": small[..., 0],
        "bild 写真.webp": small,
        "one.png": small[:1, :1],
    }
    for name, pixels in files.items():
        (folder / name).write_bytes(cv2.imencode(Path(name).suffix, pixels)[1].tobytes())
    (folder / "cmyk.jpg").write_bytes(CMYK)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("hello")
    for suffix in (".jpg", ".tif", ".hdr"):
        whole = cv2.imencode(suffix, small.astype(np.float32) / 255 if suffix == ".hdr" else small)[
            1
        ].tobytes()
        (folder / f"half{suffix}").write_bytes(whole[: len(whole) // 2])


REFUSED = {"one.png", "empty.jpg", "text.jpg", "half.jpg", "half.tif", "half.hdr"}


@functools.cache
def played(blender: blenders.Blender, china: Path) -> tuple[dict, Path]:
    """All scenarios, once in each Blender."""
    folder = Path(tempfile.mkdtemp(prefix="anchorstage bad ä "))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    fill(folder, china)
    return blenders.run(blender, SCRIPT, folder, timeout=200), folder


@pytest.fixture
def answers(bpy_blender, china):
    return played(bpy_blender, china)[0]


def assert_one_sentence(text: str) -> None:
    """A report of Blender: one line that begins as errors do and ends as sentences do."""
    assert text.startswith("Error: "), text
    assert "\n" not in text
    assert text.endswith(".")


def test_no_scenario_ends_in_a_traceback(answers):
    assert "Traceback" not in answers["stdout"]


def test_photos_are_taken_or_refused_and_leave_all_or_nothing(answers):
    assert {name for name, answer in answers["photos"].items() if answer["said"]} == REFUSED
    for name, answer in answers["photos"].items():
        assert answer["left"] == ([] if name in REFUSED else ["s.anchorstage"]), name
        if name in REFUSED:
            assert_one_sentence(answer["said"])
            assert name in answer["said"]


def test_damaged_scenes_are_refused_and_the_open_one_stays(answers):
    assert len(answers["scenes"]["said"]) > 15
    for sentence in answers["scenes"]["said"].values():
        assert_one_sentence(sentence)
    assert "Update AnchorStage" in answers["scenes"]["said"]["newer"]
    assert "inside the scene's folder" in answers["scenes"]["said"]["outside"]
    assert answers["scenes"]["kept"]


def test_outputs_that_cannot_be_are_refused(answers):
    for sentence in answers["places"]["said"].values():
        assert_one_sentence(sentence)
    assert "cannot be written to" in answers["places"]["said"]["read-only"]


def test_an_engine_killed_in_mid_write_leaves_the_scene_and_nothing_else(answers):
    assert_one_sentence(answers["killed"]["said"])
    assert "stopped unexpectedly" in answers["killed"]["said"]
    assert answers["killed"]["whole"]
    assert answers["killed"]["left"] == []


def test_an_engine_that_may_not_start_says_what_to_do(answers):
    for sentence in answers["children"].values():
        assert_one_sentence(sentence)
    assert "Run the engine inside Blender" in answers["children"]["forbidden"]
    assert "Reinstall" in answers["children"]["gone"]


def test_temporary_files_without_a_place(answers):
    assert answers["temporary"]["started"] == answers["temporary"]["rendered"] == ""
    assert_one_sentence(answers["temporary"]["refused"])
    assert "cannot be written to" in answers["temporary"]["refused"]


def test_a_frame_that_cannot_be_written_ends_the_animation(answers):
    below_a_file, cramped, full = (answers["disks"][name] for name in ("below", "cramped", "full"))
    assert "shot.0001.exr was not written" in below_a_file["panel"]
    assert "the disk is full" in full["panel"]
    for answer in (below_a_file, cramped, full):
        assert_one_sentence(answer["said"])
        assert answer["left"] == []


def test_the_same_shot_renders_when_there_is_room_again(answers, bpy_blender, china):
    assert (answers["disks"]["again"]["said"], answers["disks"]["again"]["panel"]) == ("", "")
    assert answers["disks"]["again"]["left"] == ["shot.0001.exr", "shot.0002.exr"]
    channels, _ = read_exr(played(bpy_blender, china)[1] / "full" / "shot.0002.exr")
    assert "depth.Z" in channels


def test_a_scene_that_does_not_fit_on_the_disk_leaves_nothing(answers):
    assert_one_sentence(answers["disks"]["scene"]["said"])
    assert "disk is full" in answers["disks"]["scene"]["said"]
    assert answers["disks"]["scene"]["left"] == []
