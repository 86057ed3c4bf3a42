"""The installed zip renders through Blender's queue and compositor: the EXRs are the contract's."""

from pathlib import Path

import blenders
import cv2
import numpy as np
import pytest

from engine import export
from engine.colour import encode_srgb
from engine.export.contract import NOTHING_DEPTH
from engine.exr import read_exr
from engine.scene.folder import open_scene
from engine.splats.record import PHOTOGRAPHED

SCRIPT = Path(__file__).with_name("render_scenarios.py")
WIDTH, HEIGHT = 192, 128
GOOD_PSNR = 30.0  # decibels; the project's promise for the photo's own camera


@pytest.fixture
def folder(tmp_path, china) -> Path:
    """A folder with a small photo, its name as awkward as folders get."""
    place = tmp_path / "ein Ördner"
    place.mkdir()
    photo = cv2.resize(cv2.imread(str(china)), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    (place / "photo.png").write_bytes(cv2.imencode(".png", photo)[1].tobytes())
    return place


def run(blender, name: str, folder: Path) -> dict:
    return blenders.run(blender, SCRIPT, name, folder, timeout=240)


def psnr(channels: dict[str, np.ndarray], photo: Path) -> float:
    """Decibels between a frame's beauty, sRGB-encoded, and the photo."""
    linear = np.stack([channels[name] for name in "RGB"], axis=-1)
    seen = cv2.imdecode(np.fromfile(photo, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] / 255
    return float(-10 * np.log10(np.mean((np.clip(encode_srgb(linear), 0, 1) - seen) ** 2)))


def assert_reprojects(channels: dict[str, np.ndarray], header: dict) -> None:
    """Each pixel's position goes back to that pixel and depth through the header's matrices."""
    rows, columns = np.nonzero(channels["depth.Z"] < NOTHING_DEPTH)
    assert rows.size > channels["A"].size / 2
    position = [channels[f"position.{axis}"][rows, columns].astype(float) for axis in "XYZ"]
    points = np.stack([*position, np.ones(rows.size)], axis=-1)
    camera, ndc = (
        points @ header["worldToCamera"].astype(float),
        points @ header["worldToNDC"].astype(float),
    )
    height, width = channels["A"].shape
    assert np.abs(ndc[:, 0] / ndc[:, 3] * width - (columns + 0.5)).max() < 0.02
    assert np.abs(ndc[:, 1] / ndc[:, 3] * height - (rows + 0.5)).max() < 0.02
    assert np.allclose(camera[:, 2], channels["depth.Z"][rows, columns], rtol=1e-4)


def assert_shows_splats(channels: dict[str, np.ndarray], header: dict, scene) -> None:
    """Photographed splats that the header's matrix puts in the picture have their depth in the frame, but for few."""
    seen = scene.splats.select(np.flatnonzero(scene.splats.origin == PHOTOGRAPHED))
    points = np.column_stack([seen.positions.astype(float), np.ones(len(seen))])
    ndc = points @ header["worldToNDC"].astype(float)
    depth = (points @ header["worldToCamera"].astype(float))[:, 2]
    height, width = channels["A"].shape
    pixel = (
        np.stack([ndc[:, 0] * width, ndc[:, 1] * height], axis=-1)[depth > 0] / ndc[depth > 0, 3:]
    )
    inside = ((pixel >= 0) & (pixel < [width, height])).all(axis=1)
    column, row = pixel[inside].astype(int).T
    shown = np.abs(channels["depth.Z"][row, column] / depth[depth > 0][inside] - 1) < 0.05
    assert inside.sum() > 1000
    assert shown.mean() > 0.7


def test_a_shot_through_the_compositor_is_the_contracts(blender, folder):
    answer = run(blender, "shot", folder)
    assert answer["untouched"]
    assert answer["first"]["count"] == answer["second"]["count"] == 3
    assert all(answer["second"]["slots"].values())
    assert set(answer["second"]["slots"]) == {*answer["first"]["slots"], "Graded"}
    assert answer["files"] == ["shot.0001.exr", "shot.0002.exr"]

    scene = open_scene(folder / "photo.anchorstage")
    assert [region.id for region in scene.regions] == answer["regions"]
    contract = [*export.contract_names(answer["regions"]), *(f"Graded.{c}" for c in "RGBA")]
    focals = []
    for number, name in enumerate(answer["files"], 1):
        channels, header = read_exr(folder / "anchorstage_out" / name)
        assert sorted(channels) == sorted(contract)
        assert {plane.dtype.name for plane in channels.values()} == {"float32"}
        assert header["imageCounter"] == number
        assert (header["framesPerSecond"].numerator, header["framesPerSecond"].denominator) == (
            24000,
            1001,
        )
        assert header["anchorstage/scene"] == "photo"
        assert 0 < header["anchorstage/confidence"] <= 1
        assert_reprojects(channels, header)
        assert_shows_splats(channels, header, scene)
        assert np.allclose(channels["Graded.R"], 1 - channels["R"], atol=1e-5)
        regions = sum(channels[f"{layer}.A"] for layer in export.region_layers(answer["regions"]))
        assert set(np.unique(regions)) <= {0, 1}
        focals.append(header["pinholeFocalLength"])
    assert focals[1] == pytest.approx(focals[0] * 1.2, rel=1e-4)

    channels, _ = read_exr(folder / "anchorstage_out" / "shot.0001.exr")
    assert psnr(channels, folder / "photo.png") > GOOD_PSNR

    before = read_exr(folder / "anchorstage_out" / "shot.0002.exr")
    assert run(blender, "farm", folder)["files"] == ["shot.0002.exr"]
    after = read_exr(folder / "anchorstage_out" / "shot.0002.exr")
    assert {name: plane.tobytes() for name, plane in before[0].items()} == {
        n: p.tobytes() for n, p in after[0].items()
    }
    assert {name: str(value) for name, value in before[1].items()} == {
        n: str(v) for n, v in after[1].items()
    }


def test_borders_layers_and_eyes(bpy_blender, folder):
    files = run(bpy_blender, "pictures", folder)["files"]
    assert files == [f"shot.{n:04d}.exr" for n in (10, 11, 12, 14)] + [
        "shot_L.0013.exr",
        "shot_R.0013.exr",
    ]
    frames = {name: read_exr(folder / "anchorstage_out" / name) for name in files}
    full, header = frames["shot.0010.exr"]
    assert full["A"].shape == (HEIGHT // 2, WIDTH // 2)
    assert_reprojects(full, header)
    left, right, bottom, top = 24, 64, 6, 32  # of 96x64, as Blender rounds 0.25, 0.67, 0.1 and 0.5
    window = np.s_[HEIGHT // 2 - top : HEIGHT // 2 - bottom, left:right]
    padded, cropped = frames["shot.0011.exr"][0], frames["shot.0012.exr"][0]
    assert padded["A"].shape == full["A"].shape
    for name in ("R", "depth.Z", "position.X"):
        # A splat's footprint is cut at the picture's edge; inside it must be the same picture.
        inner = np.s_[2:-2, 2:-2]
        mine, whole = padded[name][window][inner], full[name][window][inner]
        # A rounding may lift a splat over the cut-off of 1/255 or push it below, at a pixel here and there.
        assert np.isclose(mine, whole, rtol=1e-3, atol=1e-3).mean() > 0.995, name
        assert np.allclose(mine, whole, rtol=1 / 255, atol=1 / 255), name
        assert np.allclose(cropped[name], padded[name][window], rtol=1e-5, atol=1e-6), name
    assert not padded["A"][: HEIGHT // 2 - top].any()
    assert_reprojects(cropped, frames["shot.0012.exr"][1])
    assert frames["shot.0014.exr"][0]["R"].tobytes() == full["R"].tobytes()
    eyes = [frames[f"shot_{eye}.0013.exr"] for eye in "LR"]
    for channels, eye_header in eyes:
        assert_reprojects(channels, eye_header)
    apart = [
        np.linalg.inv(eye_header["worldToCamera"].astype(float))[3, :3] for _, eye_header in eyes
    ]
    assert np.linalg.norm(apart[0] - apart[1]) == pytest.approx(
        0.065, abs=1e-4
    )  # Blender's default eye distance, metres


def test_what_cannot_be_rendered_is_one_sentence_and_no_file(bpy_blender, folder):
    answer = run(bpy_blender, "refusals", folder)
    wanted = {
        "nothing": "reconstruct a photo first",
        "setup": "poll",
        "no camera": "no camera",
        "light": "no camera object",
        "ortho": "orthographic",
        "gone": "missing",
        "finishing": "keeps Blender's channel names",
    }
    assert {name: wanted[name] in said for name, said in answer["said"].items()} == dict.fromkeys(
        wanted, True
    ), answer["said"]
    assert not answer["written"]
    channels, _ = read_exr(folder / "anchorstage_out" / answer["files"][0])
    assert "Depth.V" in channels


def test_blenders_own_panels_come_and_go_with_the_extension(bpy_blender, folder):
    answer = run(bpy_blender, "panels", folder)
    assert {"RENDER_PT_format", "RENDER_PT_frame_range", "RENDER_PT_output", "DATA_PT_lens"} <= set(
        answer["with"]
    )
    assert not {name for name in answer["with"] if "freestyle" in name or "dof" in name}
    assert answer["without"] == answer["handlers"] == []
    assert not answer["settings"]


def test_in_a_window_the_render_thread_finishes_every_frame(window_blender, folder):
    script = SCRIPT.with_name("render_window.py")
    answer = blenders.run(window_blender, script, folder, timeout=240, window=True)
    assert answer["error"] == ""
    assert answer["files"] == [f"shot.{number:04d}.exr" for number in (1, 2, 3)]
    assert answer["threads"] == [False] * 3
    for name in answer["files"]:
        channels, header = read_exr(folder / "anchorstage_out" / name)
        assert "depth.Z" in channels
        assert_reprojects(channels, header)
