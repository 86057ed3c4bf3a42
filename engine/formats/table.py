"""The formats of files of splats, by suffix, and the door that chooses among them.

To add a format, write a file with its reader (and its writer), and add a row.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..errors import SplatError
from ..splats import Splats
from .ply import read_ply, write_ply

Read = Callable[[Path], Splats]
Write = Callable[[Path, Splats], None]


class Format(NamedTuple):
    """One format of files."""

    name: str  # for people
    suffix: str  # in lower case
    read: Read
    write: Write | None  # None: it is only read
    keeps: frozenset[str]  # the fields of `Splats` that a file holds; others get their usual value


FORMATS = (
    Format(
        name="PLY of 3D Gaussian Splatting",
        suffix=".ply",
        read=read_ply,
        write=write_ply,
        keeps=frozenset(
            {
                "positions",
                "scales",
                "rotations",
                "opacities",
                "colors",
                "sh",
                "confidence",
                "region",
                "origin",
            }
        ),
    ),
)


def read_splats(path: Path) -> Splats:
    """Read a file of splats in the format of its suffix.

    Raises:
        SplatError: no format has this suffix, or the file is damaged.
    """
    path = Path(path)
    known = {entry.suffix: entry for entry in FORMATS}
    entry = known.get(path.suffix.lower())
    if entry is None:
        raise SplatError(
            f"“{path}” is no file of splats that can be read. Choose one that ends in"
            f" {_listed(list(known))}."
        )
    return entry.read(path)


def write_splats(path: Path, splats: Splats) -> None:
    """Write splats in the format of the path's suffix, atomically.

    Raises:
        SplatError: no format that can be written has this suffix.
        OutputError: the place cannot be written to.
    """
    path = Path(path)
    known = {entry.suffix: entry.write for entry in FORMATS if entry.write is not None}
    write = known.get(path.suffix.lower())
    if write is None:
        raise SplatError(
            f"Splats cannot be written as “{path}”. Choose a name that ends in"
            f" {_listed(list(known))}."
        )
    write(path, splats)


def _listed(suffixes: list[str]) -> str:
    return " or ".join(suffixes)
