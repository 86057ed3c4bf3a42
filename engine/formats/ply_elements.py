"""The header and the elements of a binary little-endian PLY, whatever they hold.

A PLY is a text header, a line `end_header`, and the rows of its elements one after the other. The
header names each element, the number of its rows, and the type and name of each property of a row.
The parser knows no splats and no sentences for artists: a reader gives each `Flaw` its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np

BINARY = "binary_little_endian"

# Bytes in which a header must end. Ours with all harmonics has 1500; this bounds the search.
MAX_HEADER = 65536

_MAGIC = b"ply"
_END = b"end_header\n"

# NumPy's type of each type of a PLY, under its old and its new name.
_TYPES = {
    "char": "<i1",
    "int8": "<i1",
    "uchar": "<u1",
    "uint8": "<u1",
    "short": "<i2",
    "int16": "<i2",
    "ushort": "<u2",
    "uint16": "<u2",
    "int": "<i4",
    "int32": "<i4",
    "uint": "<u4",
    "uint32": "<u4",
    "float": "<f4",
    "float32": "<f4",
    "double": "<f8",
    "float64": "<f8",
}


class Flaw(Enum):
    """A reason for which a file cannot be read."""

    NOT_PLY = auto()  # no PLY's beginning, or no end of its header
    HEADER = auto()  # a line of the header makes no sense
    FORMAT = auto()  # text, big-endian, or without the properties that a reader asks for
    ELEMENTS = auto()  # not the elements that a reader asks for
    TRUNCATED = auto()  # fewer rows than the header promises


class PlyError(ValueError):
    """A file that cannot be read, and its flaw."""

    def __init__(self, flaw: Flaw) -> None:
        """Keep the flaw, for which a reader has a sentence."""
        super().__init__(flaw.name)
        self.flaw = flaw


@dataclass(eq=False)
class Element:
    """An element as the header describes it; its words are judged when they are asked for."""

    name: str
    count_word: str
    properties: list[list[str]] = field(default_factory=list)  # words behind `property`

    @property
    def count(self) -> int:
        """The number of rows.

        Raises:
            PlyError: it is no number, or negative.
        """
        try:
            count = int(self.count_word)
        except ValueError as error:
            raise PlyError(Flaw.HEADER) from error
        if count < 0:
            raise PlyError(Flaw.HEADER)
        return count

    @property
    def has_list(self) -> bool:
        """True where rows differ in length, as those of a mesh's faces do."""
        return any(words[:1] == ["list"] for words in self.properties)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Name and NumPy type of each property.

        Raises:
            PlyError: a property has no name or an unknown type.
        """
        fields = []
        for words in self.properties:
            if len(words) < 2 or words[0] not in _TYPES:
                raise PlyError(Flaw.HEADER)
            fields.append((words[1], _TYPES[words[0]]))
        return fields

    @property
    def layout(self) -> np.dtype:
        """The type of a row.

        Raises:
            PlyError: as for `fields`, or two properties share a name.
        """
        try:
            return np.dtype(self.fields)
        except ValueError as error:
            raise PlyError(Flaw.HEADER) from error


@dataclass(eq=False)
class Header:
    """A header's lines, and the place of the first row."""

    start: int  # bytes from the beginning of the file
    format: str = ""  # BINARY, "ascii", ...; empty where no line says it
    comments: list[list[str]] = field(default_factory=list)  # words behind `comment`
    elements: list[Element] = field(default_factory=list)


def parse_header(data: bytes) -> Header:
    """Parse the header of a file.

    Args:
        data: the file.

    Raises:
        PlyError: no PLY, or a line that lacks a word.
    """
    end = data.find(_END, 0, MAX_HEADER)
    if not data.startswith(_MAGIC) or end < 0:
        raise PlyError(Flaw.NOT_PLY)
    header = Header(start=end + len(_END))
    for line in data[:end].decode("ascii", "replace").splitlines():
        keyword, *words = line.split() or [""]
        try:
            _parse_line(header, keyword, words)
        except IndexError as error:
            raise PlyError(Flaw.HEADER) from error
    return header


def _parse_line(header: Header, keyword: str, words: list[str]) -> None:
    """Add a line of the header; a line with a foreign keyword says nothing."""
    if keyword == "format":
        header.format = words[0]
    elif keyword == "comment":
        header.comments.append(words)
    elif keyword == "element":
        count_word = words[1] if len(words) > 1 else ""
        header.elements.append(Element(words[0], count_word))
    elif keyword == "property" and header.elements:
        header.elements[-1].properties.append(words)


def element_rows(data: bytes, start: int, element: Element) -> np.ndarray:
    """View the rows of an element as a structured array, without a copy.

    Args:
        data: the file.
        start: of the element's first row, bytes from the beginning of the file.
        element: as the header describes it, without lists.

    Raises:
        PlyError: the header is damaged there, or the file ends before the last row.
    """
    # The count may be any number: memory is used only for what is in the file.
    layout = element.layout
    count = element.count
    if len(data) - start < count * layout.itemsize:
        raise PlyError(Flaw.TRUNCATED)
    return np.frombuffer(data, layout, count, start)


def stacked(rows: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Stack properties of rows (N,) to an array (N, names) of float32."""
    columns = [rows[name].astype(np.float32) for name in names]
    return np.stack(columns, axis=-1)
