"""Blobs: what a job needs or gives in bulk, by name, whatever way it travels.

A caller *lends* files to a job (a photo, an EXR to finish) and *wants* others from it (the passes
of a frame). The job sees a file of its own machine in either case: where the caller sits on the
same machine that is the caller's own file; a socket brings and takes
the bytes. So no argument of a job is a path that one machine alone knows.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from .errors import ArgumentError


class Blobs(Protocol):
    """The blobs of one job."""

    def source(self, name: str) -> Path:
        """Return the file that holds what the caller lends under a name.

        Raises:
            ArgumentError: it lends nothing of that name.
        """

    def target(self, name: str) -> Path:
        """Return where the job writes what the caller wants under a name.

        The caller gets it when the job has ended.

        Raises:
            ArgumentError: the caller does not want it.
        """


class LocalBlobs:
    """Blobs of a caller on this machine: its own files."""

    def __init__(
        self,
        lent: Mapping[str, str | Path] | None = None,
        wanted: Mapping[str, str | Path] | None = None,
    ) -> None:
        """Take the files that are lent, and those that are to be written, by name."""
        self._lent = dict(lent or {})
        self._wanted = dict(wanted or {})

    def source(self, name: str) -> Path:
        """Return the caller's file."""
        return _file(self._lent, name)

    def target(self, name: str) -> Path:
        """Return the place that the caller has chosen."""
        return _file(self._wanted, name)


def _file(files: Mapping[str, str | Path], name: str) -> Path:
    if name not in files:
        raise ArgumentError(f"This needs the argument {name!r}.")
    return Path(files[name])
