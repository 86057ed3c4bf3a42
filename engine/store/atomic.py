"""Writing to a temporary name, then a rename: a killed write leaves what was there."""

import errno
import os
import platform
import re
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from ..errors import OutputError

_TEMPORARY = re.compile(
    r"\..*\.(?P<host>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{6}\.tmp(\..*)?", re.DOTALL
)
# A file system allows 255 bytes for a name; the rest of a temporary one takes up to 50, its suffix
# included.
_STEM_BYTES = 120
# Seconds: machines and containers of a farm may share a name, and one cannot see the other's
# processes.
_STALE = 3600.0
_MAY_BE_HELD = (
    os.name == "nt"
)  # there a virus scanner or an indexer opens new files for a moment, which forbids renaming
_PAUSES = (0.05, 0.2, 0.5)  # seconds
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def _sentence(path: Path, error: OSError) -> str:
    if error.errno in _FULL:
        return (
            f"The disk is full; “{path}” was not written. Free some space or choose another folder."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"“{path.parent}” cannot be written to. "
            "Choose another folder or change its permissions."
        )
    if error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
        return f"“{path.name}” cannot be a file name here. Choose a shorter, simpler one."
    return f"“{path}” could not be written ({error.strerror or error}). Choose another folder."


# Who wants to hear of temporary paths, in this thread.
_listener: ContextVar[Callable[[Path], None] | None] = ContextVar("listener", default=None)


@contextmanager
def announcing(listener: Callable[[Path], None]) -> Iterator[None]:
    """Tell a listener of each temporary path that this thread begins inside the block.

    Whoever kills the process can remove what it leaves behind.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a failed write to `path` into one `OutputError`.

    Of nested ones the outermost is named: what lies inside has a temporary name that tells an
    artist nothing.
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
    """Choose `.NAME.HOST-PROCESS-CHANCE.tmp.SUFFIX` beside the path.

    It says whose it is, so that it can be cleared away later.

    The suffix is kept at the end: some writers choose the format by it.
    """
    stem = path.stem.encode("utf-8", "ignore")[:_STEM_BYTES].decode("utf-8", "ignore")
    temporary = path.with_name(
        f".{stem}.{_host()}-{os.getpid()}-{uuid.uuid4().hex[:6]}.tmp{path.suffix}"
    )
    listener = _listener.get()
    if listener is not None:
        listener(temporary)
    return temporary


@cache
def _host() -> str:
    return f"{zlib.crc32(platform.node().encode('utf-8', 'replace')):08x}"


@cache
def _clear_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine had begun in a folder.

    Once a process, for it takes time.
    """
    for entry in folder.iterdir():
        found = _TEMPORARY.fullmatch(entry.name)
        if found and found["host"] == _host() and _ended(int(found["process"])) and _is_old(entry):
            remove(entry)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _STALE
    except OSError:
        return False


def _replace(source: Path, target: Path) -> None:
    """Rename over what is there.

    Where another program may hold a file for a moment, ask again shortly after.
    """
    for pause in _PAUSES if _MAY_BE_HELD else ():
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(pause)
    os.replace(source, target)


def _ended(process: int) -> bool:
    if os.name == "nt":  # os.kill would end it there
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def remove(path: Path) -> None:
    """Remove a file or a whole folder as far as possible; one that is not there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path; on success rename it to `path`, on any failure remove it.

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
    """Give a temporary folder; on success it takes the name, on any failure it is removed.

    An overwritten folder is set aside and only removed once the new one has its name; `recover`
    puts it back where the process was killed between the two.

    Raises:
        OutputError: the name is taken and `overwrite` is false, or the place cannot be written to.
    """
    path = Path(path)
    check_folder_name(path, overwrite)
    temporary, previous = _temporary_name(path), _set_aside(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _clear_leftovers(path.parent)
            temporary.mkdir()
            yield temporary
            if path.exists():
                remove(
                    previous
                )  # of an overwrite that was killed when the new folder had its name already
                _replace(path, previous)
            try:
                _replace(temporary, path)
            finally:
                recover(path)
    finally:
        remove(temporary)
    remove(previous)


def check_folder_name(path: Path, overwrite: bool = False) -> None:
    """Check that `atomic_folder` may take this name, before long work would be in vain.

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
        if (
            path.exists()
            and not (path / "scene.json").is_file()
            and any(path.iterdir() if path.is_dir() else [path])
        ):
            raise OutputError(
                f"“{path}” is not an AnchorStage scene and will not be overwritten. "
                "Choose another name."
            )
        nearest = next((folder for folder in path.absolute().parents if folder.exists()), path)
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{nearest.name} is a file, not a folder")
        if not os.access(nearest, os.W_OK):
            raise PermissionError(errno.EACCES, "not writable")


def absolute(path: str | Path) -> Path:
    """The path from the root.

    Raises:
        OutputError: it is relative to a working folder that was deleted, or no Unicode text, which
            no EXR can be called.
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
    """`path`, or the first of NAME_002, NAME_003, … that is not taken."""
    candidate, number = path, 2
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}_{number:03d}{path.suffix}")
        number += 1
    return candidate
