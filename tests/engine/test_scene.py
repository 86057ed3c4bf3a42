"""Scenes on disk: the round trip, schema 1, damage of every kind, and writes that are whole or not at all."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scenes import scene

from engine import store
from engine.errors import Cancelled, OutputError, SceneError, SchemaError
from engine.progress import Progress
from engine.scene.folder import as_opened, open_scene, save, save_parts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "räum mit leer.anchorstage"
    save(scene(), folder)
    return folder


def test_round_trip(saved):
    before, after = scene(), open_scene(saved)
    assert after.name == before.name
    assert after.photo.original == before.photo.original
    assert np.array_equal(after.maps.depth, before.maps.depth)
    assert np.array_equal(after.maps.uncertainty, before.maps.uncertainty)
    assert np.array_equal(after.maps.normal, before.maps.normal)
    assert np.array_equal(after.splats.positions, before.splats.positions)
    assert after.warnings == before.warnings
    assert after.camera().to_json() == before.camera().to_json()
    for a, b in zip(after.regions, before.regions, strict=True):
        assert (a.id, a.label, a.locked) == (b.id, b.label, b.locked)
        assert np.array_equal(a.mask, b.mask)
        assert np.allclose(a.plane, b.plane)


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save(scene(), tmp_path / f"{name}.anchorstage")
    files = sorted(
        p.relative_to(tmp_path / "a.anchorstage")
        for p in (tmp_path / "a.anchorstage").rglob("*")
        if p.is_file()
    )
    assert len(files) >= 8
    for file in files:
        assert (tmp_path / "a.anchorstage" / file).read_bytes() == (
            tmp_path / "b.anchorstage" / file
        ).read_bytes(), file


def test_no_temporary_names_are_left(saved):
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]
    assert not [p for p in saved.rglob("*") if ".tmp" in p.name]


def test_occupied_name_is_kept(saved):
    before = (saved / "scene.json").read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        save(scene(name="other"), saved)
    assert (saved / "scene.json").read_bytes() == before


def test_overwrite_replaces_the_whole_scene(saved):
    (saved / "left over").write_text("x")
    save(scene(name="other"), saved, overwrite=True)
    assert open_scene(saved).name == "other"
    assert not (saved / "left over").exists()
    assert len(list(saved.parent.iterdir())) == 1


def test_overwrite_refuses_a_folder_that_is_no_scene(tmp_path):
    (tmp_path / "holiday.jpg").write_text("precious")
    with pytest.raises(OutputError, match="not an AnchorStage scene"):
        save(scene(), tmp_path, overwrite=True)
    assert (tmp_path / "holiday.jpg").exists()


def test_cancelled_save_leaves_the_scene_before(saved):
    before = (saved / "scene.json").read_bytes()
    progress = Progress(lambda fraction, stage: progress.cancel() if fraction >= 0.5 else None)
    with pytest.raises(Cancelled):
        save(scene(name="other"), saved, overwrite=True, progress=progress)
    assert (saved / "scene.json").read_bytes() == before
    assert len(list(saved.parent.iterdir())) == 1


def test_killed_write_leaves_the_scene_before(saved):
    """A process that is killed in mid-write: the scene opens as it was."""
    script = (
        "import sys, os; sys.path[:0] = [sys.argv[2], sys.argv[2] + '/tests/engine']\n"
        "from scenes import scene\nfrom engine.scene.folder import save\nfrom engine.progress import Progress\n"
        "def report(f, s):\n    if f >= 0.5: os._exit(9)\n"
        "save(scene(name='other'), sys.argv[1], overwrite=True, progress=Progress(report))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(saved), str(ROOT)], check=False, timeout=60
    )
    assert done.returncode == 9
    assert open_scene(saved).name == "wall"


def test_interrupted_overwrite_is_put_back(saved):
    os.replace(saved, saved.with_name(f".{saved.name}.previous"))
    assert open_scene(saved).name == "wall"


def schema_1(folder):
    record = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    for name in (
        "regions",
        "maps",
        "depth_source",
        "warnings",
        "witnesses",
        "frames",
        "active_camera",
        "units",
    ):
        record.pop(name)
    record["schema"] = 1
    record["splats"] = {"file": "splats.ply"}
    (folder / "scene.json").write_text(json.dumps(record), encoding="utf-8")
    shutil.rmtree(folder / "maps")
    shutil.rmtree(folder / "regions")


def test_schema_1_opens_and_is_saved_as_schema_2(saved, tmp_path):
    schema_1(saved)
    old = open_scene(saved)
    assert (old.regions, old.maps, len(old.splats)) == ((), None, 64 * 48)
    save(old, tmp_path / "new.anchorstage")
    assert (
        json.loads((tmp_path / "new.anchorstage" / "scene.json").read_text(encoding="utf-8"))[
            "schema"
        ]
        == 2
    )


def edit(folder, **changes):
    record = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    (folder / "scene.json").write_text(json.dumps(record | changes), encoding="utf-8")


def test_newer_schema_says_update(saved):
    edit(saved, schema=3)
    with pytest.raises(SchemaError, match="Update AnchorStage"):
        open_scene(saved)


DAMAGE = {
    "no scene.json": lambda s: (s / "scene.json").unlink(),
    "truncated scene.json": lambda s: (s / "scene.json").write_bytes(
        (s / "scene.json").read_bytes()[:100]
    ),
    "list scene.json": lambda s: (s / "scene.json").write_text("[]"),
    "no cameras": lambda s: edit(s, cameras=[]),
    "half a camera": lambda s: edit(s, cameras=[{"id": "photo"}]),
    "no splats": lambda s: (s / "splats.ply").unlink(),
    "truncated splats": lambda s: (s / "splats.ply").write_bytes(
        (s / "splats.ply").read_bytes()[:-10]
    ),
    "splats of another scene": lambda s: edit(s, splats={"file": "splats.ply", "count": 7}),
    "no photo": lambda s: (s / "photo.png").unlink(),
    "another photo": lambda s: (s / "photo.png").write_bytes(b"other"),
    "no depth": lambda s: (s / "maps" / "depth.exr").unlink(),
    "truncated depth": lambda s: (s / "maps" / "depth.exr").write_bytes(
        (s / "maps" / "depth.exr").read_bytes()[:-2000]
    ),
    "empty normals": lambda s: (s / "maps" / "normal.exr").write_bytes(b""),
    "no mask": lambda s: (s / "regions" / "ground.png").unlink(),
    "empty mask": lambda s: (s / "regions" / "ground.png").write_bytes(b""),
    "truncated mask": lambda s: (s / "regions" / "ground.png").write_bytes(
        (s / "regions" / "ground.png").read_bytes()[:60]
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_one_sentence_that_names_the_file(saved, damage):
    DAMAGE[damage](saved)
    with pytest.raises(SceneError) as caught:
        open_scene(saved)
    assert saved.name in str(caught.value)
    assert str(caught.value).endswith(".")


def test_missing_folder(tmp_path):
    with pytest.raises(SceneError, match="Relink"):
        open_scene(tmp_path / "none.anchorstage")


def test_full_disk_is_one_sentence(tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OutputError, match="disk is full"):
        save(scene(), tmp_path / "s.anchorstage")
    assert list(tmp_path.iterdir()) == []


def test_read_only_folder_is_one_sentence(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(OutputError, match="cannot be written to"):
        save(scene(), tmp_path / "s.anchorstage")


def test_free_name_counts_up(tmp_path):
    for expected in ("a.txt", "a_002.txt", "a_003.txt"):
        path = store.free_name(tmp_path / "a.txt")
        assert path.name == expected
        path.write_text("")


def test_a_slow_writer_never_shows_half_a_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")
    with store.atomic_path(path) as temporary, open(temporary, "w") as file:
        file.write("half")
        file.flush()
        time.sleep(0.01)
        assert path.read_text() == "before"
    assert path.read_text() == "half"


def test_sky_and_ground_survive_a_save(saved):
    scene = open_scene(saved)
    shape = scene.maps.depth.shape
    sky = np.arange(shape[0] * shape[1]).reshape(shape) % 3 == 0
    kept = scene.with_(maps=replace(scene.maps, sky=sky, ground=~sky))
    save(kept, saved, overwrite=True)
    again = open_scene(saved).maps
    assert np.array_equal(again.sky, sky)
    assert np.array_equal(again.ground, ~sky)
    (saved / "maps" / "sky.png").write_bytes(b"\x89PNG")
    with pytest.raises(SceneError, match="sky mask"):
        open_scene(saved)


def test_saving_one_part_leaves_the_files_of_all_others_alone(saved):
    (saved / "notes").mkdir()
    (saved / "notes" / "mine.txt").write_text("mine", encoding="utf-8")
    before = {path: path.stat() for path in saved.rglob("*") if path.is_file()}
    scene = open_scene(saved)
    locked = tuple(replace(region, locked=True) for region in scene.regions)
    save_parts(scene.with_(regions=locked), saved, {"regions"})
    for path, status in before.items():
        now = path.stat()
        mine = path.name == "scene.json" or path.parent.name == "regions"
        same = (now.st_ino, now.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
        assert same != mine, path
    assert all(region.locked for region in open_scene(saved).regions)


def test_a_scene_that_was_just_saved_is_the_one_that_is_opened(tmp_path):
    """Bit for bit, or a frame of the process that made it would differ from a farm's."""
    rng = np.random.default_rng(5)
    made = scene()
    count = len(made.splats)
    made = made.with_(
        splats=made.splats.with_(
            scales=rng.uniform(1e-4, 3, (count, 3)),
            opacities=rng.uniform(0, 1, count),
            colors=rng.uniform(0, 2, (count, 3)),
            rotations=rng.normal(size=(count, 4)),
            sh=rng.normal(size=(count, 8, 3)),
        )
    )
    folder = tmp_path / "a.anchorstage"
    save(made, folder)
    opened, kept = open_scene(folder), as_opened(made)
    for name, array in vars(opened.splats).items():
        assert np.array_equal(array, getattr(kept.splats, name)), name
    for name, array in vars(opened.maps).items():
        assert array is None or np.array_equal(array, getattr(kept.maps, name)), name
