"""The installed zip in a real window of Blender 4.3 and 5.2: clicks, progress, undo, cancel, a render."""

import os
import shutil
from pathlib import Path

import blenders
import cv2
import numpy as np
import pytest

SCENARIOS = Path(__file__).with_name("window_scenarios.py")


@pytest.fixture
def play(window_blender, china, tmp_path, request):
    """Run a scenario in a window; its screenshots are kept where ANCHORSTAGE_SCREENSHOTS says."""

    def run(name: str) -> dict:
        try:
            return blenders.run(
                window_blender, SCENARIOS, name, china, tmp_path, timeout=180, window=True
            )
        finally:
            kept = os.environ.get("ANCHORSTAGE_SCREENSHOTS")
            for picture in tmp_path.glob("*.png") if kept else ():
                Path(kept).mkdir(parents=True, exist_ok=True)
                shutil.copy(picture, Path(kept) / f"{window_blender.name}-{picture.name}")

    return run


def test_click_to_overlay(play, tmp_path):
    result = play("click_to_overlay")
    assert result["asked"] == "ANCHORSTAGE_OT_reconstruct"
    assert result["splats"] > 100_000
    assert len(result["stages"]) >= 2
    assert result["perspective"] == "CAMERA"
    print(f"longest stand-still of Blender's loop: {result['gap']:.3f} s")
    assert "splats" in result["message"]
    for name in ("progress", "overlay"):
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert picture is not None
        assert picture.std() > 10
    # The overlay brings the photo into the window: far more colours than Blender's greys.
    before, after = (
        cv2.imread(str(tmp_path / f"{name}.png")).astype(int) for name in ("progress", "overlay")
    )
    assert np.mean(np.abs(after - before).max(axis=2) > 20) > 0.1


def test_cancel_in_the_panel(play):
    result = play("cancel_by_click")
    assert result["message"] == "Cancelled; nothing was written."
    assert result["path"] == ""
    assert "cancelled.anchorstage" not in result["left"]


def test_reconstruction_is_one_step_of_undo(play):
    result = play("undo_and_redo")
    assert len(result["made"]) == 1
    assert result["undone"] == {"path": "", "cameras": []}
    assert result["redone"]["cameras"] == result["made"]
    assert result["redone"]["path"]
    assert result["moved"] == pytest.approx(1.5, abs=1e-3)


def test_loading_a_file_during_a_job_loses_nothing(play):
    result = play("load_during_job")
    assert (result["path"], result["cameras"]) == ("", [])
    assert result["saved"]
    assert "Open Scene" in result["message"]


def test_typed_dolly_and_escape(play):
    confirmed, cancelled = play("typed_move")["measured"]
    assert confirmed == pytest.approx([1.5, 1.5], abs=1e-3)
    assert cancelled == pytest.approx([1.5, 0.0], abs=1e-3)


def test_opening_a_scene_stands_still_for_nobody_and_locks_are_kept(play):
    result = play("open_and_lock")
    assert result["at_once"] == "", "the operator waited for the engine"
    assert result["message"].endswith("splats opened.")
    assert not result["waited"], "the frame waited for the reconstruction of another scene"
    assert result["undone"] == "", "opening a scene is one step of undo"
    print(f"opening took {result['stood']:.3f} s of Blender's loop")


def test_render_in_the_window(play, china):
    result = play("render_in_window")
    frame = cv2.imread(result["frame"])
    assert frame.shape[:2] == (720, 1280)
    # Under the photo's own view transform a render looks as the photo does.
    photo = cv2.resize(cv2.imread(str(china)), (1280, 854), interpolation=cv2.INTER_AREA)[67:787]
    assert result["transform"] == "Standard"
    assert np.abs(cv2.blur(frame, (9, 9)).astype(int) - cv2.blur(photo, (9, 9))).mean() < 4
