"""The overlay of the installed zip in real windows: its colours, its depth, and that nothing stale is ever drawn."""

import json
import os
import shutil
from pathlib import Path

import blenders
import cv2
import numpy as np
import pytest

from engine.camera import View
from engine.render.rasteriser import render
from engine.splats import Splats

SCENARIOS = Path(__file__).with_name("overlay_scenarios.py")
CLOSE = 2  # of 255
COLORS = [(200, 100, 50), (10, 20, 60), (128, 128, 128), (35, 160, 75)]  # of the scenario's wall
PATCHES = [
    (200, 100, 50),
    (20, 20, 20),
    (255, 255, 255),
    (0, 0, 0),
    (128, 128, 128),
    (35, 160, 75),
    (10, 5, 60),
    (230, 30, 30),
]


@pytest.fixture
def play(window_blender, tmp_path):
    """Run a scenario in a window; its screenshots are kept where ANCHORSTAGE_SCREENSHOTS says."""

    def run(name: str, photo: Path = Path("none")) -> dict:
        try:
            return blenders.run(
                window_blender, SCENARIOS, name, photo, tmp_path, timeout=120, window=True
            )
        finally:
            kept = os.environ.get("ANCHORSTAGE_SCREENSHOTS")
            for picture in tmp_path.glob("overlay-*.png") if kept else ():
                Path(kept).mkdir(parents=True, exist_ok=True)
                shutil.copy(picture, Path(kept) / f"{window_blender.name}-{picture.name}")

    return run


@pytest.fixture
def flat_photo(tmp_path):
    """A photo of smooth colours with flat patches, and the patches' middles beside it."""
    height, width = 427, 640
    y, x = np.mgrid[0:height, 0:width]
    picture = (
        np.stack([x / width * 0.5 + 0.3, y / height * 0.5 + 0.3, 0.7 - 0.4 * y / height], axis=-1)
        * 255
    )
    spots = []
    for index, color in enumerate(PATCHES):
        top, left = 60 + index // 4 * 220, 30 + index % 4 * 155
        picture[top : top + 90, left : left + 100] = color
        spots.append((left + 50, top + 45))
    (tmp_path / "spots.json").write_text(json.dumps(spots))
    path = tmp_path / "flat.png"
    cv2.imwrite(str(path), picture.round().astype(np.uint8)[..., ::-1])
    return path


def off(got, wanted) -> int:
    """The greatest difference of any channel."""
    return int(np.abs(np.array(got, int) - np.array(wanted, int)).max())


def test_through_the_photos_camera_the_overlay_is_the_photo(play, flat_photo):
    result = play("photo", flat_photo)
    for got, wanted in zip(result["shown"], PATCHES, strict=True):
        assert off(got, wanted) <= CLOSE, (result["shown"], PATCHES)
    assert off(result["before"], result["mesh_alone"]) <= CLOSE, "a mesh in front hides the splats"
    assert off(result["before"], result["middle"]) > 20
    background = result["off"][0]
    assert all(off(spot, background) <= 12 for spot in result["off"]), (
        "nothing is left after switching off"
    )


def test_nothing_stale_is_drawn_and_nothing_stops_the_drawing(play):
    result = play("life")
    for name in ("shown", "orthographic", "first_scene", "mesh_behind"):
        assert off(result[name], COLORS) <= CLOSE, name
    for name in ("overlays_off", "another_scene", "another_file", "mesh_before"):
        assert all(
            off(got, wanted) > 5 for got, wanted in zip(result[name], COLORS, strict=True)
        ), name
        assert off(result[name], [result[name][0]] * 4) <= 10, (
            name
        )  # a mesh is shaded, a background may be graded
    assert off(result["undone"]["redo"], COLORS) <= CLOSE
    assert len({tuple(spot) for spot in result["undone"]["undo"]}) == 1
    assert result["picked"] == [0, 1, 2, 3, -1]
    assert len({tuple(spot) for spot in result["REGIONS"]}) == 4
    red, lower_yellow, upper_yellow, green = result["CONFIDENCE"]  # of 0.2, 0.45, 0.7, 0.95
    assert red[0] > 1.5 * red[1]
    assert lower_yellow[0] > 1.5 * lower_yellow[1]
    assert upper_yellow[0] > upper_yellow[1] > 1.5 * upper_yellow[2]
    assert green[1] > 1.5 * green[0]
    assert result["quad"] == 4
    assert result["second_window"]["left"] == 1
    assert off(result["second_window"]["shown"], COLORS) <= CLOSE
    again = result["reenabled"]
    assert len(again["records"]) == 1
    assert again["records"][0].endswith(".")
    assert (
        len({tuple(spot) for spot in again["stopped"]})
        == len({tuple(spot) for spot in again["gone"]})
        == 1
    )
    assert off(again["shown"], COLORS) <= CLOSE
    assert "Traceback" not in result["stdout"]


def test_the_overlay_draws_what_the_engine_renders(play, tmp_path):
    width, height = play("twin")["size"]
    with np.load(tmp_path / "twin.npz") as saved:
        data = dict(saved)
    table, window = data["table"], data["window"]
    count = len(table)
    splats = Splats(
        positions=table[:, :3],
        scales=data["scales"],
        rotations=data["rotations"],
        opacities=table[:, 3],
        colors=table[:, 12:15],
        confidence=np.ones(count),
        region=np.zeros(count),
        origin=np.zeros(count),
    )
    view = View(
        fx=window[0, 0] * width / 2,
        fy=window[1, 1] * height / 2,
        cx=(1 - window[0, 2]) * width / 2,
        cy=(1 + window[1, 2]) * height / 2,
        width=width,
        height=height,
        world_from_camera=np.linalg.inv(data["view"].astype(float)) @ np.diag([1, -1, -1, 1]),
    )
    rendered = render(splats, view)
    engine = np.concatenate([rendered.color, rendered.alpha[..., None]], axis=-1)
    assert engine[..., 3].mean() > 0.05
    difference = np.abs(engine - data["picture"])
    assert difference.mean() < 1e-3  # half floats
    assert np.percentile(difference, 99.9) < 4 / 255


def test_fewer_splats_while_moving_on_software(play):
    result = play("moving")
    assert not result["software"] or not any(result["complete_while_moving"])
