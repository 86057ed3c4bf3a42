"""The scenes from Cycles: their catalogue, their files, their keys, and in a real Blender their exactness."""

import os
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import raycast
from benchmark_pictures import pixels, taken

pytest.importorskip(
    "torch", reason="the benchmarks' environment has torch; `python build.py test` sets it up"
)

from benchmarks.cycles import catalogue, develop, library
from benchmarks.cycles.catalogue import MOVES, PHOTO, SCENES
from engine.exr import write_exr
from engine.image import read
from tools import environments
from tools.steps import ROOT, pins


def test_the_catalogue_holds_ten_scenes_of_seven_kinds_that_a_camera_could_take():
    assert len({scene.name for scene in SCENES}) == 10
    assert {scene.place for scene in SCENES} == {
        "street",
        "corner",
        "plaza",
        "facade",
        "corridor",
        "room",
        "objects",
    }
    for scene in SCENES:
        assert 1.0 <= scene.height <= 1.8
        assert -15 <= scene.pitch <= 15
        up = scene.view.world_from_camera[2, :3]
        assert np.degrees(np.arcsin(up[2])) == pytest.approx(scene.pitch, abs=1e-6)
        assert scene.view.position.tolist() == [0, 0, scene.height]
        for side in scene.size:
            assert side * catalogue.VIEW_PART == round(side * catalogue.VIEW_PART)


def test_moves_go_to_both_sides_without_a_turn():
    assert {move.name for move in MOVES} == {
        "photo",
        "left5",
        "right5",
        "left10",
        "right10",
        "left20",
        "right20",
        "in10",
        "out10",
    }
    view = SCENES[0].view
    for move in MOVES:
        step = view.camera_from_world @ move.pose(view, 10.0)
        assert np.allclose(step[:3, :3], np.eye(3))
        assert np.allclose(step[:3, 3], [10 * move.right, 0, 10 * move.forward])


def test_the_photo_knows_its_lens(tmp_path):
    for scene in SCENES:
        width, height = scene.size
        develop.write_jpeg(
            tmp_path / "photo.jpg", pixels(1, (height, width, 3)) * 0.2, scene.equivalent_mm
        )
        photo = read(tmp_path / "photo.jpg")
        assert (photo.width, photo.height) == scene.size
        assert photo.focal_px == pytest.approx(scene.view.fx, rel=1e-5)


def test_film_brings_the_middle_to_grey_and_keeps_order():
    light = np.geomspace(1e-3, 10, 60)[None, :, None].repeat(3, axis=-1)
    for brightness in (0.3, 1.0, 300.0):
        factor = develop.exposure(light * brightness)
        toned = develop.film(light * brightness, factor)
        assert np.allclose(toned, develop.film(light, develop.exposure(light)), atol=0.02)
        assert (np.diff(toned[0, :, 0]) >= 0).all()
        assert toned.min() >= 0
        assert toned.max() <= 1


def test_the_key_follows_the_code_and_not_its_comments(tmp_path):
    def digest(text):
        path = tmp_path / f"{abs(hash(text))}.py"
        path.write_text(text)
        return library._code((path,))

    plain = digest('"""One."""\nA = 1\n\n\ndef f():\n    """Say."""\n    return A\n')
    assert plain == digest('"""Other words."""\n\nA = 1  # why\n\n\ndef f():\n    return A\n')
    assert plain != digest("A = 2\n\n\ndef f():\n    return A\n")
    assert library.key(SCENES[0]) != library.key(replace(SCENES[0], seed=99))


def blender_wrote(scene, raw):
    """What Blender leaves of a scene: a wall 4 m away under a sky, brighter from move to move."""
    raw.mkdir(parents=True)
    (raw / "depth.txt").write_text("4.0\n")
    (raw / "key.txt").write_text(library.key(scene))
    for number, move in enumerate(MOVES):
        part = 1.0 if move == PHOTO else catalogue.VIEW_PART
        width, height = (round(side * part) for side in scene.size)
        light = {
            f"ViewLayer.Combined.{c}": np.full((height, width), 0.2 + 0.1 * number, np.float32)
            for c in "RGB"
        }
        write_exr(raw / f"{move.name}.photo.exr", light, {})
        depth = np.full((height, width), 4.0, np.float32)
        depth[: height // 2] = 1e10
        truth = {
            f"ViewLayer.Normal.{axis}": np.full((height, width), value, np.float32)
            for axis, value in zip("XYZ", (0, -1, 0), strict=True)
        }
        write_exr(raw / f"{move.name}.truth.exr", {**truth, "ViewLayer.Depth.Z": depth}, {})


def test_what_blender_wrote_becomes_pictures_with_their_truth_and_is_made_once(
    tmp_path, monkeypatch
):
    scene = replace(SCENES[0], size=(128, 96))
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    monkeypatch.setattr(library, "_render", lambda *arguments: pytest.fail("it was there already"))
    blender_wrote(scene, tmp_path / "raw" / scene.name)
    made = library.ensure(scene)
    photo, moved = made.picture(PHOTO), made.picture(MOVES[2])
    assert read(made.photo_path).focal_px == pytest.approx(scene.view.fx, rel=1e-5)
    assert photo.depth.shape == (96, 128)
    assert moved.depth.shape == (72, 96)
    assert np.isinf(moved.depth[:36]).all()
    assert (moved.depth[36:] == 4).all()
    assert (moved.normal == [0, -1, 0]).all()
    assert moved.view.fx == pytest.approx(0.75 * scene.view.fx)
    step = scene.view.camera_from_world @ moved.view.world_from_camera
    assert np.allclose(step[:3, 3], [0.05 * 4, 0, 0])
    assert (
        moved.colours.mean() > photo.colours.mean() + 0.05
    )  # one exposure for all: the brighter view stays brighter
    written = made.photo_path.stat().st_mtime_ns
    assert library.ensure(scene).photo_path.stat().st_mtime_ns == written


def test_a_pixels_plane_is_its_walls():
    picture = taken(raycast.front(distance=14.0))
    planes, solid = picture.planes, np.isfinite(picture.depth)
    ground = np.abs(planes[..., 2]) > 0.5
    assert np.allclose(planes[ground], [0, 0, 1, 0], atol=1e-4)
    assert np.allclose(planes[solid & ~ground], [0, -1, 0, 14], atol=1e-4)
    assert not planes[~solid].any()
    assert ground.any()
    assert (solid & ~ground).any()


def test_without_blender_there_are_no_scenes_and_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    nowhere = environments.Environment(ROOT / "build" / "no-such-blender", (), "", "")
    monkeypatch.setattr(library.environments, "blender", lambda version: nowhere)
    assert library.scenes() == []
    assert not list(tmp_path.iterdir())


_TINY = """
import os, sys
from dataclasses import replace
from pathlib import Path
from benchmarks.cycles.catalogue import MOVES, scene
from benchmarks.cycles.blender import shoot
shoot.SAMPLES = shoot.PHOTO_SAMPLES = 1
shoot.shoot(replace(scene("facade"), size=(64, 48)), Path(sys.argv[1]), MOVES[:2])
sys.stdout.flush()
os._exit(0)  # bpy may hang where a process ends in the ordinary way
"""


@pytest.mark.slow
def test_a_tiny_scene_from_blender_is_exactly_true(tmp_path):
    python = environments.blender(pins()["tool"]["anchorstage"]["bpy"][-1]).python
    if not python.exists():
        pytest.skip(f"there is no {python}")
    command = [str(python), "-c", _TINY, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    scene = replace(catalogue.scene("facade"), size=(64, 48))
    depth = library._channels(tmp_path / "photo.truth.exr", "Depth", "Z")[..., 0]
    normal = library._channels(tmp_path / "photo.truth.exr", "Normal", "XYZ")
    height = scene.view.unproject(depth)[..., 2]
    level = (normal[..., 2] > 0.999) & (height < 0.05)
    assert level.mean() > 0.1
    assert (
        np.abs(height[level]).max() < 1e-3
    )  # the road is z = 0: depth is planar, through the pixels' centres
    assert float((tmp_path / "depth.txt").read_text()) == pytest.approx(
        np.median(depth[depth < 1e9]), rel=0.15
    )
    light = library._channels(tmp_path / "left5.photo.exr", "Combined", "RGB")
    assert light.shape == (36, 48, 3)
    assert 0 < light.mean() < 10
