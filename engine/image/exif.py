"""EXIF (CIPA DC-008): a small reader of its TIFF structure, orientations, the focal length."""

import struct
from typing import Any

import numpy as np

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
_EXIF_IFD = 0x8769
_MAX_ENTRIES = 512  # of one directory; a damaged count must not keep us busy
# TIFF type -> (struct letter, bytes); rationals are two numbers.
_TYPES = {
    1: ("B", 1),
    2: ("s", 1),
    3: ("H", 2),
    4: ("I", 4),
    5: ("II", 8),
    8: ("h", 2),
    9: ("i", 4),
    10: ("ii", 8),
}

# Of 36 x 24 mm: CIPA DC-008 defines the 35 mm equivalent by the diagonal.
FULL_FRAME_DIAGONAL_MM = 43.2666
# Millimetres in each unit of FocalPlaneResolutionUnit: inch, centimetre, millimetre, micrometre.
_UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
# Diagonals of the picture within these many focal lengths are lenses; anything else is a damaged
# tag.
_SANE_FOCAL = (0.15, 50.0)
# Crop factors of cameras that write a focal length but neither its equivalent nor a sensor size.
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
    """Read the tags we know of a TIFF structure; a damaged one gives what could be read.

    Returns:
        EXIF's own names to plain numbers and strings.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return {}
    (first,) = struct.unpack_from(order + "I", data, 4)
    # The camera's tags lie in a directory of their own, to which an entry of the main one points.
    main = _directory(data, first, order)
    inner = main.pop(_EXIF_IFD, None)
    camera = _directory(data, inner, order) if isinstance(inner, int) else {}
    entries = {**camera, **main}
    return {_TAGS[tag]: value for tag, value in entries.items() if tag in _TAGS}


def _directory(data: bytes, at: int, order: str) -> dict[int, Any]:
    """Read one image file directory; entries that point outside the data are left out."""
    entries: dict[int, Any] = {}
    if at + 2 > len(data):
        return entries
    (count,) = struct.unpack_from(order + "H", data, at)
    for row in range(min(count, _MAX_ENTRIES)):
        start = at + 2 + 12 * row
        if start + 12 > len(data):
            break
        tag, kind, number = struct.unpack_from(order + "HHI", data, start)
        if tag in _TAGS or tag == _EXIF_IFD:
            value = _value(data, start + 8, kind, number, order)
            if value is not None:
                entries[tag] = value
    return entries


def _value(data: bytes, at: int, kind: int, number: int, order: str) -> int | float | str | None:
    """Return the first number, or the text, of an entry; None where it is damaged."""
    if kind not in _TYPES or number < 1:
        return None
    letter, size = _TYPES[kind]
    length = size * number if kind == 2 else size
    if size * number > 4:
        if at + 4 > len(data):
            return None
        (at,) = struct.unpack_from(order + "I", data, at)
    if at + length > len(data):
        return None
    if kind == 2:
        return data[at : at + length].split(b"\x00")[0].decode("utf-8", "replace").strip()
    numbers = struct.unpack_from(order + letter, data, at)
    if len(numbers) == 1:
        return numbers[0]
    return numbers[0] / numbers[1] if numbers[1] else None


def upright(pixels: np.ndarray, orientation: Any) -> np.ndarray:
    """Turn stored pixels (H, W, C) so that the scene stands upright.

    Args:
        pixels: as stored.
        orientation: EXIF's 1 to 8; anything else leaves them as they are.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def focal_px(tags: dict[str, Any], width: int, height: int) -> float | None:
    """Find the focal length in pixels of a photo of this size, by the best of three ways, or None.

    The 35 mm equivalent; else the focal length and the sensor's pixel pitch; else the camera's crop
    factor.
    """
    diagonal = float(np.hypot(width, height))
    ways = (
        _from_equivalent(tags, diagonal),
        _from_pitch(tags, diagonal),
        _from_model(tags, diagonal),
    )
    low, high = _SANE_FOCAL
    for focal in ways:
        if focal is not None and low < focal / diagonal < high:
            return focal
    return None


def _number(tags: dict[str, Any], name: str) -> float:
    """Return a positive number; 0 where the tag is missing or no number."""
    value = tags.get(name, 0)
    is_number = isinstance(value, (int, float)) and np.isfinite(value)
    return float(value) if is_number and value > 0 else 0.0


def _from_equivalent(tags: dict[str, Any], diagonal: float) -> float | None:
    """Compute it from the 35 mm equivalent."""
    equivalent = _number(tags, "FocalLengthIn35mmFilm")
    return equivalent / FULL_FRAME_DIAGONAL_MM * diagonal if equivalent else None


def _from_pitch(tags: dict[str, Any], diagonal: float) -> float | None:
    """Compute it from millimetres and pixels a millimetre.

    A photo that was scaled after it was taken is allowed for.
    """
    focal = _number(tags, "FocalLength")
    resolution = _number(tags, "FocalPlaneXResolution")
    unit = _UNIT_MM.get(tags.get("FocalPlaneResolutionUnit", 2))
    if not (focal and resolution and unit):
        return None
    # The diagonal in pixels when the photo was taken.
    width = _number(tags, "PixelXDimension")
    height = _number(tags, "PixelYDimension")
    taken = float(np.hypot(width, height)) or diagonal
    return focal * resolution / unit * diagonal / taken


def _from_model(tags: dict[str, Any], diagonal: float) -> float | None:
    """Compute it from millimetres and the camera's crop factor."""
    focal = _number(tags, "FocalLength")
    make = str(tags.get("Make", "")).lower()
    model = str(tags.get("Model", "")).lower()
    # Some cameras repeat their maker in the model's name.
    maker = make.split(" ")[0]
    name = model if maker and model.startswith(maker) else f"{maker} {model}"
    crop = next((crop for prefix, crop in _CROP_FACTORS if name.startswith(prefix)), None)
    return focal * crop / FULL_FRAME_DIAGONAL_MM * diagonal if focal and crop else None
