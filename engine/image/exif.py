"""EXIF (CIPA DC-008): a small reader of its TIFF structure, orientations, and the focal length.

A TIFF structure is a header and directories. The header is the byte order, "II" (little-endian) or
"MM", the number 42 and the offset of the first directory. A directory is a count and entries of 12
bytes: tag, type, number of values, and the value itself or, where it needs more than 4 bytes, its
offset. EXIF's own tags are in a second directory, to which an entry of the first one points.
"""

import struct
from typing import Any, NamedTuple

import numpy as np

# The tags that are read, and EXIF's own names of them.
_TAGS = {
    0x0100: "ImageWidth",
    0x0101: "ImageLength",
    0x010F: "Make",
    0x0110: "Model",
    0x0112: "Orientation",
    0x0132: "DateTime",
    0x829A: "ExposureTime",
    0x829D: "FNumber",
    0x8827: "PhotographicSensitivity",
    0x9003: "DateTimeOriginal",
    0x920A: "FocalLength",
    0xA002: "PixelXDimension",
    0xA003: "PixelYDimension",
    0xA20E: "FocalPlaneXResolution",
    0xA20F: "FocalPlaneYResolution",
    0xA210: "FocalPlaneResolutionUnit",
    0xA405: "FocalLengthIn35mmFilm",
    0xA434: "LensModel",
}
# The tag whose value is the offset of EXIF's own directory.
_EXIF_DIRECTORY = 0x8769
# Bytes of the header of a TIFF structure.
_HEADER_BYTES = 8
# Bytes of a directory's entry.
_ENTRY_BYTES = 12
# Bytes of an entry that hold its value, or the value's offset.
_INLINE_BYTES = 4
# Entries of one directory that are read; a damaged count must not keep us busy.
_MAX_ENTRIES = 512


class _Type(NamedTuple):
    """A TIFF type."""

    letters: str  # struct's, one for each number of a value
    size: int  # bytes of a value


_TEXT = 2
_TYPES = {
    1: _Type("B", 1),  # byte
    _TEXT: _Type("s", 1),  # a character of text
    3: _Type("H", 2),  # short
    4: _Type("I", 4),  # long
    5: _Type("II", 8),  # rational, numerator and denominator
    8: _Type("h", 2),  # signed short
    9: _Type("i", 4),  # signed long
    10: _Type("ii", 8),  # signed rational
}

# Millimetres, of 36 x 24 mm: CIPA DC-008 defines the 35 mm equivalent by the diagonal.
FULL_FRAME_DIAGONAL_MM = 43.2666
# Millimetres of each value of FocalPlaneResolutionUnit.
_UNIT_MM = {
    2: 25.4,  # inch
    3: 10.0,  # centimetre
    4: 1.0,  # millimetre
    5: 0.001,  # micrometre
}
_INCH = 2
# Focal lengths in diagonals of the picture: a value outside these limits is a damaged tag.
_SHORTEST_FOCAL = 0.15
_LONGEST_FOCAL = 50.0
# Crop factors of cameras that write a focal length but neither its equivalent nor a sensor size:
# the full frame's diagonal over the sensor's. Columns: maker and model in small letters, of
# which the first row that fits counts; crop factor.
_CROP_FACTORS = (
    ("canon powershot g", 4.55),
    ("canon powershot s", 4.67),
    ("canon eos 5d", 1.0),
    ("canon eos 6d", 1.0),
    ("canon eos-1d", 1.0),
    ("canon eos r", 1.0),
    ("canon eos", 1.6),
    ("nikon d3s", 1.0),
    ("nikon d4", 1.0),
    ("nikon d6", 1.0),
    ("nikon d7", 1.5),
    ("nikon d8", 1.0),
    ("nikon d", 1.5),
    ("sony ilce-7", 1.0),
    ("sony ilce", 1.5),
    ("fujifilm gfx", 0.79),
    ("fujifilm x", 1.5),
    ("olympus e-", 2.0),
    ("om digital", 2.0),
    ("panasonic dmc-g", 2.0),
    ("panasonic dc-g", 2.0),
    ("leica m", 1.0),
    ("ricoh gr", 1.5),
    ("apple iphone 5", 7.2),
    ("apple iphone 6", 7.2),
    ("apple iphone 7", 7.0),
    ("apple iphone", 6.1),
)


def parse(data: bytes) -> dict[str, Any]:
    """Read the tags that we know from a TIFF structure.

    A damaged structure gives what could be read.

    Returns:
        EXIF's own names to plain numbers and strings.
    """
    byte_order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if byte_order is None or len(data) < _HEADER_BYTES:
        return {}
    (first,) = struct.unpack_from(byte_order + "I", data, 4)
    entries = _directory(data, first, byte_order)
    exif_offset = entries.pop(_EXIF_DIRECTORY, None)
    if isinstance(exif_offset, int):
        # Where both have a tag, the first directory's counts.
        entries = {**_directory(data, exif_offset, byte_order), **entries}
    return {_TAGS[tag]: value for tag, value in entries.items() if tag in _TAGS}


def _directory(data: bytes, offset: int, byte_order: str) -> dict[int, Any]:
    """Read one directory; entries that point outside the data are left out."""
    entries: dict[int, Any] = {}
    if offset + 2 > len(data):
        return entries
    (count,) = struct.unpack_from(byte_order + "H", data, offset)
    first_entry = offset + 2
    for row in range(min(count, _MAX_ENTRIES)):
        entry = first_entry + _ENTRY_BYTES * row
        if entry + _ENTRY_BYTES > len(data):
            break
        tag, kind, number = struct.unpack_from(byte_order + "HHI", data, entry)
        if tag in _TAGS or tag == _EXIF_DIRECTORY:
            value = _value(data, entry + 8, kind, number, byte_order)
            if value is not None:
                entries[tag] = value
    return entries


def _value(
    data: bytes, offset: int, kind: int, number: int, byte_order: str
) -> int | float | str | None:
    """Read the first number, or the text, of an entry; None where it is damaged."""
    if kind not in _TYPES or number < 1:
        return None
    letters, size = _TYPES[kind]
    # A long value is elsewhere; the entry holds its offset.
    if size * number > _INLINE_BYTES:
        if offset + _INLINE_BYTES > len(data):
            return None
        (offset,) = struct.unpack_from(byte_order + "I", data, offset)

    end = offset + (size * number if kind == _TEXT else size)
    if end > len(data):
        return None
    if kind == _TEXT:
        text, _, _ = data[offset:end].partition(b"\x00")
        return text.decode("utf-8", "replace").strip()
    numbers = struct.unpack_from(byte_order + letters, data, offset)
    if len(numbers) == 1:
        return numbers[0]
    numerator, denominator = numbers
    return numerator / denominator if denominator else None


def upright(pixels: np.ndarray, orientation: Any) -> np.ndarray:
    """Turn stored pixels (H, W, C) so that the scene stands upright.

    Args:
        pixels: as stored.
        orientation: EXIF's 1 to 8; anything else leaves them as they are.
    """
    # 5 to 8 are stored with rows and columns exchanged; then mirror left to right, top to bottom.
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def focal_px(tags: dict[str, Any], width: int, height: int) -> float | None:
    """Compute the focal length in pixels of a photo of this size.

    The best of three ways counts: the 35 mm equivalent; else the focal length and the sensor's
    pixel pitch; else the focal length and the camera's crop factor.

    Returns:
        Pixels; None where no way gives the focal length of a lens.
    """
    diagonal = float(np.hypot(width, height))
    ways = (
        _from_equivalent(tags, diagonal),
        _from_pitch(tags, diagonal),
        _from_model(tags, diagonal),
    )
    for focal in ways:
        if focal is not None and _SHORTEST_FOCAL < focal / diagonal < _LONGEST_FOCAL:
            return focal
    return None


def _number(tags: dict[str, Any], name: str) -> float:
    """Return a positive number; 0 where the tag is missing or something else."""
    value = tags.get(name, 0)
    if not isinstance(value, (int, float)):
        return 0.0
    return float(value) if np.isfinite(value) and value > 0 else 0.0


def _from_equivalent(tags: dict[str, Any], diagonal: float) -> float | None:
    """Compute pixels from the 35 mm equivalent."""
    equivalent = _number(tags, "FocalLengthIn35mmFilm")
    return equivalent / FULL_FRAME_DIAGONAL_MM * diagonal if equivalent else None


def _from_pitch(tags: dict[str, Any], diagonal: float) -> float | None:
    """Compute pixels from millimetres and pixels a millimetre."""
    focal_mm = _number(tags, "FocalLength")
    resolution = _number(tags, "FocalPlaneXResolution")  # pixels a unit
    unit_mm = _UNIT_MM.get(tags.get("FocalPlaneResolutionUnit", _INCH))
    if not (focal_mm and resolution and unit_mm):
        return None
    # The resolution is that of the sensor: the photo may have been scaled since.
    taken_width = _number(tags, "PixelXDimension")
    taken_height = _number(tags, "PixelYDimension")
    taken_diagonal = float(np.hypot(taken_width, taken_height)) or diagonal
    return focal_mm * resolution / unit_mm * diagonal / taken_diagonal


def _from_model(tags: dict[str, Any], diagonal: float) -> float | None:
    """Compute pixels from millimetres and the camera's crop factor."""
    focal_mm = _number(tags, "FocalLength")
    crop_factor = _crop_factor(tags)
    if not (focal_mm and crop_factor):
        return None
    return focal_mm * crop_factor / FULL_FRAME_DIAGONAL_MM * diagonal


def _crop_factor(tags: dict[str, Any]) -> float | None:
    """Look up the camera; some models begin with the maker's name, others do not."""
    make = str(tags.get("Make", "")).lower()
    model = str(tags.get("Model", "")).lower()
    maker, _, _ = make.partition(" ")
    name = model if maker and model.startswith(maker) else f"{maker} {model}"
    for prefix, crop_factor in _CROP_FACTORS:
        if name.startswith(prefix):
            return crop_factor
    return None
