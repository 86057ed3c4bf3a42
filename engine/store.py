"""Writing to disk so that a killed write leaves what was there: a temporary name beside the target, then a rename."""

import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import OutputError, SceneError

_PREVIOUS = ".previous"


def _sentence(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"The disk is full; “{path}” was not written. Free some space or choose another folder."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"“{path.parent}” cannot be written to. Choose another folder or change its permissions."
    if error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
        return f"“{path.name}” cannot be a file name here. Choose a shorter, simpler one."
    return f"“{path}” could not be written ({error.strerror or error}). Choose another folder."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a failed write to `path` into one `OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(_sentence(path, error)) from error


def _temporary_name(path: Path) -> Path:
    # The suffix is kept at the end: some writers choose the format by it.
    return path.with_name(f".{path.stem[:80]}.{uuid.uuid4().hex[:8]}.tmp{path.suffix}")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success rename it into place, on any failure remove it.

    Raises:
        OutputError: the folder cannot be written to or the disk is full.
    """
    path = Path(path)
    temporary = _temporary_name(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _flush(temporary)
            os.replace(temporary, path)
    finally:
        with suppress(OSError):  # it was renamed, or never made
            temporary.unlink()


def _flush(path: Path) -> None:
    """Have the data on the disk before the name points at it."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def atomic_folder(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `path`; on success it takes the name, on any failure it is removed.

    An overwritten folder is set aside and only removed once the new one has its name; `recover` puts it back where
    the process was killed between the two.

    Raises:
        OutputError: the name is taken and `overwrite` is false, or the place cannot be written to.
    """
    path = Path(path)
    recover(path)
    if path.exists() and not overwrite:
        raise OutputError(f"“{path}” exists already. Choose another name, or ask to overwrite it.")
    if path.exists() and not (path / "scene.json").is_file() and any(path.iterdir() if path.is_dir() else [path]):
        raise OutputError(f"“{path}” is not an AnchorStage scene and will not be overwritten. Choose another name.")
    temporary = _temporary_name(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
            yield temporary
            previous = path.with_name(path.name + _PREVIOUS)
            if path.exists():
                os.replace(path, previous)
            os.replace(temporary, path)
        shutil.rmtree(previous, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def recover(path: Path) -> None:
    """Put back a folder that an interrupted overwrite had set aside."""
    previous = path.with_name(path.name + _PREVIOUS)
    if previous.is_dir() and not path.exists():
        with writing(path):
            os.replace(previous, path)


def free_name(path: Path) -> Path:
    """`path`, or the first of NAME_002, NAME_003, … that is not taken."""
    candidate, number = path, 2
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}_{number:03d}{path.suffix}")
        number += 1
    return candidate


def write_json(path: Path, record: Any) -> None:
    """Write a JSON file atomically, in UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        SceneError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SceneError(f"“{path}” is missing. Choose the scene's folder again, or restore it from a backup.") from error
    except (OSError, ValueError) as error:
        raise SceneError(f"“{path}” is damaged and cannot be read. Restore it from a backup, or reconstruct again.") from error
