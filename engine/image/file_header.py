"""A photo file before it is decoded: its format, size and EXIF, and its end.

Formats: JPEG (ITU-T T.81), PNG (ISO 15948), TIFF 6.0, WebP (RFC 9649), Radiance RGBE, OpenEXR.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError
from . import exif

READABLE = "JPEG, PNG, TIFF, WebP, EXR or HDR"

_SIZELESS_MARKERS = {0x01, *range(0xD0, 0xD8)}
_NOT_FRAMES = {0xC4, 0xC8, 0xCC}  # DHT, JPG and DAC stand among the SOFs
# A marker in entropy-coded data: 0xFF neither stuffed (00), a restart (D0..D7) nor fill (FF).
_NEXT_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_HDR_SIZE = re.compile(rb"\n-Y (\d+) \+X (\d+)\n")
_HDR_HEADER_BYTES = 65536
_FAMILIAR = (
    (b"GIF8", 0, "a GIF"),
    (b"BM", 0, "a BMP"),
    (b"%PDF", 0, "a PDF"),
    (b"8BPS", 0, "a Photoshop document"),
    (b"ftypavif", 4, "an AVIF"),
    (b"ftyphei", 4, "a HEIC"),
    (b"ftypmif1", 4, "a HEIC"),
    (b"II+\x00", 0, "a BigTIFF"),
    (b"MM\x00+", 0, "a BigTIFF"),
)


@dataclass(frozen=True)
class Header:
    """The head of a photo file."""

    format: str  # "jpeg", "png", "tiff", "webp", "hdr" or "exr"
    width: int  # pixels as stored, before the orientation is applied
    height: int
    exif: bytes | None = None  # a TIFF structure


def parse(data: bytes, path: Path) -> Header:
    """Recognise the file by its first bytes and read its head.

    Raises ImageError where it is no readable image or is cut short.
    """
    try:
        return _reader(data, path)(data, path)
    except (IndexError, struct.error):
        raise truncated(path) from None


def truncated(path: Path) -> ImageError:
    """The one sentence for files that end too early or do not decode."""
    return ImageError(f"{path.name} is damaged or cut short; copy or export the photo again.")


def _reader(data: bytes, path: Path) -> Callable[[bytes, Path], Header]:
    """Choose the function that reads this kind of head."""
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        return _tiff
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp
    if data[:4] == b"\x76\x2f\x31\x01":
        return _exr
    if data[:10] == b"#?RADIANCE" or data[:6] == b"#?RGBE":
        return _hdr
    for magic, offset, name in _FAMILIAR:
        if data[offset : offset + len(magic)] == magic:
            raise ImageError(
                f"{path.name} is {name} file, which cannot be read; save it as {READABLE}."
            )
    raise ImageError(f"{path.name} is not an image that can be read; use {READABLE}.")


def _jpeg(data: bytes, path: Path) -> Header:
    """Walk the segments to the end-of-image marker, which a truncated file lacks."""
    at = 2
    size = None
    tags = None
    while True:
        # Any number of fill bytes may stand before a marker.
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        if data[at] != 0xFF:
            raise truncated(path)
        marker = data[at + 1]
        at += 2
        if marker == 0xD9:
            break
        if marker in _SIZELESS_MARKERS:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES:
            size = struct.unpack_from(">HH", data, at + 3)
        if marker == 0xE1 and data[at + 2 : at + 8] == b"Exif\x00\x00":
            tags = data[at + 8 : at + length]
        at += length
        # Behind a start of scan lie compressed data, up to the next marker.
        if marker == 0xDA:
            found = _NEXT_MARKER.search(data, at)
            if not found:
                raise truncated(path)
            at = found.start()
    if size is None:
        raise truncated(path)
    return Header("jpeg", size[1], size[0], tags)


def _png(data: bytes, path: Path) -> Header:
    """Walk the chunks to IEND."""
    width, height = struct.unpack_from(">II", data, 16)
    at = 8
    tags = None
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise truncated(path)
        if kind == b"eXIf":
            tags = data[at + 8 : at + 8 + length]
        at += 12 + length
    return Header("png", width, height, tags)


def _tiff(data: bytes, path: Path) -> Header:
    """Read a TIFF, which is its own EXIF structure."""
    tags = exif.parse(data)
    if "ImageWidth" not in tags or "ImageLength" not in tags:
        raise truncated(path)
    return Header("tiff", int(tags["ImageWidth"]), int(tags["ImageLength"]), data)


def _webp(data: bytes, path: Path) -> Header:
    """Walk the RIFF chunks; the size stands in VP8X, VP8L or VP8."""
    (total,) = struct.unpack_from("<I", data, 4)
    if total + 8 > len(data):
        raise truncated(path)
    at = 12
    size = None
    tags = None
    while at + 8 <= total + 8:
        kind, length = struct.unpack_from("<4sI", data, at)
        body = at + 8
        if kind in (b"VP8X", b"VP8L", b"VP8 ") and size is None:
            size = _webp_size(kind, data, body)
        if kind == b"EXIF":
            tags = data[body : body + length].removeprefix(b"Exif\x00\x00")
        at = body + length + length % 2
    if size is None:
        raise truncated(path)
    return Header("webp", *size, tags)


def _webp_size(kind: bytes, data: bytes, at: int) -> tuple[int, int]:
    """Read width and height from one of the three chunks that know them."""
    if kind == b"VP8X":
        width = int.from_bytes(data[at + 4 : at + 7], "little")
        height = int.from_bytes(data[at + 7 : at + 10], "little")
        return 1 + width, 1 + height
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, at + 1)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, at + 6)
    return width & 0x3FFF, height & 0x3FFF


def _hdr(data: bytes, path: Path) -> Header:
    """Read a text head, an empty line, then the size.

    Cameras write the usual orientation alone.
    """
    found = _HDR_SIZE.search(data[:_HDR_HEADER_BYTES])
    if not found:
        raise truncated(path)
    return Header("hdr", int(found[2]), int(found[1]))


def _exr(data: bytes, path: Path) -> Header:
    """Read the size of the display window, or of the data window where that is larger."""
    sizes = []
    for name in (b"displayWindow\x00box2i\x00", b"dataWindow\x00box2i\x00"):
        at = data.find(name)
        if at < 0:
            raise truncated(path)
        left, top, right, bottom = struct.unpack_from("<4i", data, at + len(name) + 4)
        sizes.append((right - left + 1, bottom - top + 1))
    return Header("exr", *max(sizes, key=lambda size: size[0] * size[1]))
