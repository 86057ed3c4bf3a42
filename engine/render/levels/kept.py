"""The levels of scenes that are open: found in memory, in the scene's folder, or built."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from ...errors import OutputError
from ...progress import Progress
from ...splats.record import Splats
from .build import build_levels
from .file import key_of, read_levels, write_levels
from .record import Levels

_log = logging.getLogger(__name__)
_lock = threading.Lock()


@dataclass(frozen=True)
class _Files:
    """Where a scene's levels lie, and which splats they must belong to."""

    levels: Path
    splats: Path
    stamp: tuple[int, int]  # of the splats' file when it was read: time and size

    def key(self) -> tuple[int, int] | None:
        """What the levels' file must name; None where the splats' file is gone or another by now."""
        try:
            return key_of(self.splats) if _stamp(self.splats) == self.stamp else None
        except OSError:
            return None


_kept: "WeakKeyDictionary[Splats, Levels]" = WeakKeyDictionary()
_files: "WeakKeyDictionary[Splats, _Files]" = WeakKeyDictionary()


def attach(splats: Splats, levels: Levels) -> None:
    """Keep these levels for as long as the splats live."""
    with _lock:
        _kept[splats] = levels


def attached(splats: Splats) -> Levels | None:
    """The levels of these splats, where they are in memory."""
    with _lock:
        return _kept.get(splats)


def expect(splats: Splats, levels_file: Path, splats_file: Path) -> None:
    """Say where the levels of splats that were just read may lie; they are read when a moving frame first needs them."""
    try:
        files = _Files(levels_file, splats_file, _stamp(splats_file))
    except OSError:
        return  # gone already: the levels will be built
    with _lock:
        _files[splats] = files


def levels_of(splats: Splats, progress: Progress | None = None) -> Levels:
    """The levels of these splats: kept, read from their file, or built, and then written there if that can be done.

    A file that is missing, damaged or of other splats is replaced; a folder that cannot be written to is left alone.

    Raises:
        Cancelled: through `progress`.
    """
    found = attached(splats)
    if found is None:
        with _lock:
            files = _files.get(splats)
        key = files.key() if files else None
        found = read_levels(files.levels, len(splats), key) if files and key else None
        if found is None:
            found = build_levels(splats, progress)
            if files and key:
                _store(found, files.levels, key)
        attach(splats, found)
    return found


def _store(levels: Levels, path: Path, key: tuple[int, int]) -> None:
    try:
        write_levels(path, levels, key)
    except OutputError as error:
        _log.info("The levels of detail are kept in memory only: %s", error)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
