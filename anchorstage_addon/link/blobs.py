"""Blobs: a job's bulk, a file that the engine writes and the add-on reads.

On one machine the engine writes the very file that is read here. A worker on another machine would
send its bytes, and only this file and the worker would know.
"""

import contextlib
from pathlib import Path

import numpy as np


class NoPlaceError(OSError):
    """There is no place for temporary files."""


class Blob:
    """One blob that a job gives."""

    def __init__(self, path: Path, is_scratch: bool) -> None:
        self.path = path
        self._is_scratch = is_scratch  # whether the file is ours to delete

    @classmethod
    def scratch(cls, folder: Path, name: str) -> "Blob":
        """Make an empty file of that name in the folder for temporary ones.

        The folder is made again where a clean-up of the system took it.

        Raises:
            NoPlaceError: it cannot be written to.
        """
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            raise NoPlaceError(error.errno, error.strerror, str(folder)) from error
        return cls(path, True)

    def read(self, kind: type[np.generic]) -> np.ndarray:
        """Return its numbers, one after the other; a scratch file is gone afterwards.

        They are read rather than mapped: a mapped file that is cut short would kill Blender.
        """
        numbers = np.fromfile(self.path, kind)
        self.discard()
        return numbers

    def discard(self) -> None:
        """Delete it, where it is a scratch file."""
        if self._is_scratch:
            # On Windows, while a job that was stopped still has it open.
            with contextlib.suppress(OSError):
                self.path.unlink()
