"""The head of a photo file, read before it is decoded: format, size and EXIF; truncation is found.

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

# JPEG markers without a segment: TEM, and the restarts RST0 to RST7.
_SIZELESS_MARKERS = {0x01, *range(0xD0, 0xD8)}
_FIRST_FRAME_MARKER = 0xC0  # SOF0
_LAST_FRAME_MARKER = 0xCF  # SOF15
# DHT, JPG and DAC, whose numbers are among those of the SOFs.
_NOT_FRAME_MARKERS = {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_APP1 = 0xE1  # the segment of EXIF
_EXIF_MAGIC = b"Exif\x00\x00"
# A marker in entropy-coded data: 0xFF neither stuffed (00), a restart (D0 to D7) nor fill (FF).
_NEXT_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
# Bytes of a PNG chunk beside its data: length, kind and checksum.
_PNG_CHUNK_BYTES = 12

# The size of a Radiance file in the orientation that cameras write, rows from the top.
_HDR_SIZE = re.compile(rb"\n-Y (\d+) \+X (\d+)\n")
# Bytes in which the text of a Radiance head must end.
_HDR_HEADER_BYTES = 65536

# Files that people take for photos. Columns: bytes, their offset, words.
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

    Raises:
        ImageError: it is no readable image or is cut short.
    """
    read = _reader(data, path)
    try:
        return read(data, path)
    except (IndexError, struct.error):
        raise truncated(path) from None


def truncated(path: Path) -> ImageError:
    """Return the error for files that end too early or do not decode."""
    return ImageError(f"{path.name} is damaged or cut short; copy or export the photo again.")


def _reader(data: bytes, path: Path) -> Callable[[bytes, Path], Header]:
    """Choose the function that reads this kind of head."""
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg
    if data[:8] == _PNG_MAGIC:
        return _png
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        return _tiff
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp
    if data[:4] == b"\x76\x2f\x31\x01":
        return _exr
    if data[:10] == b"#?RADIANCE" or data[:6] == b"#?RGBE":
        return _hdr
    # Anything else is refused, by its name where people would know it.
    for magic, offset, name in _FAMILIAR:
        if data[offset : offset + len(magic)] == magic:
            raise ImageError(
                f"{path.name} is {name} file, which cannot be read; save it as {READABLE}."
            )
    raise ImageError(f"{path.name} is not an image that can be read; use {READABLE}.")


def _jpeg(data: bytes, path: Path) -> Header:
    """Walk the segments to the end-of-image marker, which a truncated file does not have."""
    offset = 2  # behind the start-of-image marker
    size: tuple[int, int] | None = None  # height, width
    tags = None
    while True:
        # Any number of 0xFF may fill the space before a marker.
        while data[offset] == 0xFF and data[offset + 1] == 0xFF:
            offset += 1
        if data[offset] != 0xFF:
            raise truncated(path)
        marker = data[offset + 1]
        offset += 2
        if marker == _END_OF_IMAGE:
            break
        if marker in _SIZELESS_MARKERS:
            continue

        (length,) = struct.unpack_from(">H", data, offset)
        if _is_frame(marker):
            size = struct.unpack_from(">HH", data, offset + 3)
        if marker == _APP1 and data[offset + 2 : offset + 8] == _EXIF_MAGIC:
            tags = data[offset + 8 : offset + length]
        offset += length
        # The scan's data follow its segment; only a marker says where they end.
        if marker == _START_OF_SCAN:
            next_marker = _NEXT_MARKER.search(data, offset)
            if not next_marker:
                raise truncated(path)
            offset = next_marker.start()
    if size is None:
        raise truncated(path)
    height, width = size
    return Header("jpeg", width, height, tags)


def _is_frame(marker: int) -> bool:
    is_in_range = _FIRST_FRAME_MARKER <= marker <= _LAST_FRAME_MARKER
    return is_in_range and marker not in _NOT_FRAME_MARKERS


def _png(data: bytes, path: Path) -> Header:
    """Walk the chunks to IEND."""
    width, height = struct.unpack_from(">II", data, 16)
    offset = len(_PNG_MAGIC)
    tags = None
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, offset)
        if offset + _PNG_CHUNK_BYTES + length > len(data):
            raise truncated(path)
        if kind == b"eXIf":
            tags = data[offset + 8 : offset + 8 + length]
        offset += _PNG_CHUNK_BYTES + length
    return Header("png", width, height, tags)


def _tiff(data: bytes, path: Path) -> Header:
    """Take the whole file as an EXIF structure, for that is what a TIFF is."""
    tags = exif.parse(data)
    if "ImageWidth" not in tags or "ImageLength" not in tags:
        raise truncated(path)
    width = int(tags["ImageWidth"])
    height = int(tags["ImageLength"])
    return Header("tiff", width, height, data)


def _webp(data: bytes, path: Path) -> Header:
    """Walk the RIFF chunks; the first of VP8X, VP8L and VP8 tells the size."""
    (total,) = struct.unpack_from("<I", data, 4)
    end = total + 8
    if end > len(data):
        raise truncated(path)
    offset = 12
    size = None
    tags = None
    while offset + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, offset)
        body = offset + 8
        if kind in (b"VP8X", b"VP8L", b"VP8 ") and size is None:
            size = _webp_size(kind, data, body)
        if kind == b"EXIF":
            tags = data[body : body + length].removeprefix(_EXIF_MAGIC)
        # Chunks begin at even bytes.
        offset = body + length + length % 2
    if size is None:
        raise truncated(path)
    width, height = size
    return Header("webp", width, height, tags)


def _webp_size(kind: bytes, data: bytes, offset: int) -> tuple[int, int]:
    """Read width and height from the body of one of the three chunks that tell them."""
    if kind == b"VP8X":
        width = int.from_bytes(data[offset + 4 : offset + 7], "little")
        height = int.from_bytes(data[offset + 7 : offset + 10], "little")
        return 1 + width, 1 + height
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, offset + 1)
        width = bits & 0x3FFF
        height = bits >> 14 & 0x3FFF
        return 1 + width, 1 + height
    width, height = struct.unpack_from("<HH", data, offset + 6)
    return width & 0x3FFF, height & 0x3FFF


def _hdr(data: bytes, path: Path) -> Header:
    """Read a Radiance head: text, an empty line, then the size."""
    size = _HDR_SIZE.search(data[:_HDR_HEADER_BYTES])
    if not size:
        raise truncated(path)
    height, width = size.groups()
    return Header("hdr", int(width), int(height))


def _exr(data: bytes, path: Path) -> Header:
    """Read the size of the display window, or of the data window where that has more pixels."""
    display = _exr_window(data, b"displayWindow\x00box2i\x00", path)
    stored = _exr_window(data, b"dataWindow\x00box2i\x00", path)
    width, height = max(display, stored, key=lambda size: size[0] * size[1])
    return Header("exr", width, height)


def _exr_window(data: bytes, attribute: bytes, path: Path) -> tuple[int, int]:
    """Read width and height of a window from its attribute: name, type, length and corners."""
    offset = data.find(attribute)
    if offset < 0:
        raise truncated(path)
    corners = offset + len(attribute) + 4
    left, top, right, bottom = struct.unpack_from("<4i", data, corners)
    return right - left + 1, bottom - top + 1
