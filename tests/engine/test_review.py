"""Files on a farm and on Windows: others' unfinished work is left alone, and a file that is held for a moment is waited for."""

import os
import platform
import time
import zlib

import pytest

from engine.errors import OutputError
from engine.store import atomic, atomic_folder, atomic_path

ENDED = 2**22 + 1  # no Linux process has such a number


def unfinished(folder, age):
    """What a process of a machine of this one's name has begun, `age` seconds ago."""
    host = f"{zlib.crc32(platform.node().encode()):08x}"
    path = folder / f".shot.0007.{host}-{ENDED}-abcdef.tmp.exr"
    path.write_bytes(b"half a frame")
    then = time.time() - age
    os.utime(path, (then, then))
    return path


@pytest.mark.skipif(os.name == "nt", reason="nothing is cleared away there")
def test_a_frame_that_another_container_is_writing_is_left_alone(tmp_path):
    fresh, old = tmp_path / "fresh", tmp_path / "old"
    left = {}
    for folder, age in ((fresh, 10), (old, 2 * atomic._STALE)):
        folder.mkdir()
        path = unfinished(folder, age)
        with atomic_path(folder / "shot.0008.exr") as temporary:
            temporary.write_bytes(b"a frame")
        left[folder] = path.exists()
    assert left == {fresh: True, old: False}


@pytest.fixture
def held(monkeypatch):
    """Renaming is refused a number of times, as Windows does while a scanner reads."""
    rename, refusals = os.replace, []

    def replace(source, target):
        if refusals:
            refusals.pop()
            raise PermissionError(13, "Access is denied")
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(atomic, "_MAY_BE_HELD", True)
    monkeypatch.setattr(atomic.time, "sleep", lambda _seconds: None)
    return refusals


def test_a_file_that_is_held_for_a_moment_is_renamed_after_it(held, tmp_path):
    held += [1, 1]
    with atomic_path(tmp_path / "shot.exr") as temporary:
        temporary.write_bytes(b"a frame")
    assert (tmp_path / "shot.exr").read_bytes() == b"a frame"


def test_a_folder_that_stays_held_is_refused_and_the_one_before_stays(held, tmp_path):
    scene = tmp_path / "one.anchorstage"
    with atomic_folder(scene) as temporary:
        (temporary / "scene.json").write_text("{}")
    held += [1] * 50
    with (
        pytest.raises(OutputError, match="cannot be written to"),
        atomic_folder(scene, overwrite=True) as temporary,
    ):
        (temporary / "scene.json").write_text("{ }")
    assert (scene / "scene.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == [scene.name]
