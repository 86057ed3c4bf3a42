"""Atomic writing: into a temporary name beside the target, then a rename.

A write that is killed leaves the old file as it was.
"""

import errno
import os
import platform
import re
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from ..errors import OutputError

# The names that `_temporary_name` makes.
_TEMPORARY = re.compile(
    r"\..*\.(?P<host>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{6}\.tmp(\..*)?", re.DOTALL
)
# Bytes of the target's name in a temporary one. A file system allows 255 bytes for a name; the rest
# takes up to 50, the suffix included.
_STEM_BYTES = 120
# Digits of a temporary name that chance gives.
_CHANCE_DIGITS = 6
# Seconds after which a leftover is removed: machines and containers of a farm may share a name, and
# one cannot see the other's processes.
_STALE = 3600.0
# On Windows a virus scanner or an indexer opens new files for a moment, which forbids renaming.
_MAY_BE_HELD = os.name == "nt"
# Seconds to wait before renaming is tried again.
_PAUSES = (0.05, 0.2, 0.5)
# What the system calls a full disk, a file too large for it, and a full quota (not on Windows).
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_BAD_NAME = (errno.ENAMETOOLONG, errno.EINVAL)


def _sentence(path: Path, error: OSError) -> str:
    if error.errno in _FULL:
        return (
            f"The disk is full; “{path}” was not written. Free some space or choose another folder."
        )
    if error.errno in _FORBIDDEN:
        return (
            f"“{path.parent}” cannot be written to. "
            "Choose another folder or change its permissions."
        )
    if error.errno in _BAD_NAME:
        return f"“{path.name}” cannot be a file name here. Choose a shorter, simpler one."
    reason = error.strerror or error
    return f"“{path}” could not be written ({reason}). Choose another folder."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's error about a failed write to `path` into one `OutputError`.

    Where one block is inside another, the error names the outer path: the inner one is temporary,
    and its name tells an artist nothing.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(_sentence(path, error)) from error
    except OutputError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        raise OutputError(_sentence(path, error.__cause__)) from error.__cause__


def _temporary_name(path: Path) -> Path:
    """Make a name beside the path: `.NAME.HOST-PROCESS-CHANCE.tmp.SUFFIX`.

    It tells which process wrote it, so that it can be cleared away later. The suffix is kept at the
    end, for some writers choose the format by it.
    """
    stem = path.stem.encode("utf-8", "ignore")[:_STEM_BYTES].decode("utf-8", "ignore")
    chance = uuid.uuid4().hex[:_CHANCE_DIGITS]
    return path.with_name(f".{stem}.{_host()}-{os.getpid()}-{chance}.tmp{path.suffix}")


@cache
def _host() -> str:
    """Return eight digits that stand for this machine's name."""
    name = platform.node().encode("utf-8", "replace")
    return f"{zlib.crc32(name):08x}"


@cache
def _clear_leftovers(folder: Path) -> None:
    """Remove from a folder the leftovers of killed processes of this machine.

    It takes time, so it is done once a process and folder.
    """
    for entry in folder.iterdir():
        name = _TEMPORARY.fullmatch(entry.name)
        if name is None or name["host"] != _host():
            continue
        if _has_ended(int(name["process"])) and _is_old(entry):
            remove(entry)


def _is_old(path: Path) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
        return age > _STALE
    except OSError:
        return False


def _replace(source: Path, target: Path) -> None:
    """Rename over the target; try again shortly after where another program may hold a file."""
    for pause in _PAUSES if _MAY_BE_HELD else ():
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(pause)
    os.replace(source, target)


def _has_ended(process: int) -> bool:
    """Tell whether a process of this machine is gone; false where that is unknown."""
    if os.name == "nt":
        return False  # there os.kill would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def remove(path: Path) -> None:
    """Remove a file or a whole folder as far as possible; a missing one is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it into place, or remove it after any failure.

    Raises:
        OutputError: the folder cannot be written to or the disk is full.
    """
    path = Path(path)
    temporary = _temporary_name(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _clear_leftovers(path.parent)
            yield temporary
            _flush(temporary)
            _replace(temporary, path)
    finally:
        remove(temporary)


def _flush(path: Path) -> None:
    """Have the data on the disk before the name points at it."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def atomic_folder(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it into place, or remove it after any failure.

    An overwritten folder is set aside and only removed once the new one has its name; `recover`
    puts it back where the process was killed between the two.

    Raises:
        OutputError: the name is taken and `overwrite` is false, or the place cannot be written to.
    """
    path = Path(path)
    check_folder_name(path, overwrite)
    temporary = _temporary_name(path)
    previous = _set_aside(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _clear_leftovers(path.parent)
            temporary.mkdir()
            yield temporary
            if path.exists():
                # A previous one is left of an overwrite that was killed after its second rename.
                remove(previous)
                _replace(path, previous)
            try:
                _replace(temporary, path)
            finally:
                recover(path)
    finally:
        remove(temporary)
    remove(previous)


def check_folder_name(path: Path, overwrite: bool = False) -> None:
    """Refuse a name that `atomic_folder` may not take: before long work, not after it.

    Raises:
        OutputError: the name is taken or none, or the place cannot be written to.
    """
    path = Path(path)
    with writing(path):
        if not path.name or path.name in (".", ".."):
            raise OutputError(
                f"“{path}” cannot be the name of a scene. Choose a name such as photo.anchorstage."
            )
        recover(path)
        if path.exists() and not overwrite:
            raise OutputError(
                f"“{path}” exists already. Choose another name, or ask to overwrite it."
            )
        if path.exists() and not _is_scene_or_empty(path):
            raise OutputError(
                f"“{path}” is not an AnchorStage scene and will not be overwritten. "
                "Choose another name."
            )
        _check_place(path)


def _is_scene_or_empty(path: Path) -> bool:
    """Tell whether a path may be overwritten: a scene's folder, or an empty one."""
    if (path / "scene.json").is_file():
        return True
    return path.is_dir() and not any(path.iterdir())


def _check_place(path: Path) -> None:
    """Raise the system's error of writing where the nearest folder that exists forbids it."""
    parents = path.absolute().parents
    nearest = next((folder for folder in parents if folder.exists()), path)
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{nearest.name} is a file, not a folder")
    if not os.access(nearest, os.W_OK):
        raise PermissionError(errno.EACCES, "not writable")


def absolute(path: str | Path) -> Path:
    """Return the path from the root.

    Raises:
        OutputError: it is relative to a working folder that was deleted, or it is no Unicode text,
            as the name of an EXR must be.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeError as error:
        shown = str(path).encode("utf-8", "replace").decode()
        raise OutputError(
            f"“{shown}” has letters that are not UTF-8. "
            "Rename the file or folder, or choose another."
        ) from error
    try:
        return Path(path).absolute()
    except OSError as error:
        raise OutputError(
            f"“{path}” leads nowhere, for the working folder was deleted. Go to another folder."
        ) from error


def _set_aside(path: Path) -> Path:
    """Return the name of a folder while a new one takes its place."""
    return path.with_name(f".{path.name}.previous")


def recover(path: Path) -> None:
    """Put back a folder that an interrupted overwrite had set aside."""
    if not path.name:
        return
    previous = _set_aside(path)
    if previous.is_dir() and not path.exists():
        with writing(path):
            _replace(previous, path)


def free_name(path: Path) -> Path:
    """Return `path`, or the first of NAME_002, NAME_003, … that is not taken."""
    candidate = path
    number = 2
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}_{number:03d}{path.suffix}")
        number += 1
    return candidate
