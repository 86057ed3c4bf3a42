"""Decoding: bytes become RGB pixels as stored.

OpenCV decodes everyday formats; OpenEXR decodes EXR, which OpenCV's wheel does not.
"""

import logging
import os
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..errors import ImageError
from ..exr import open_parts
from ..store import quiet
from .file_header import Header, truncated

log = logging.getLogger(__name__)

# Not IMREAD_COLOR_RGB: OpenCV 5.0 scrambles 16-bit TIFFs on that way.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
# Messages of OpenCV's decoders about a damaged file, of which they give a picture all the same.
_TIFF_DAMAGED = "TIFF_Error"
_JPEG_DAMAGED = "Corrupt JPEG data"
_NO_MEMORY = "Insufficient memory"
DAMAGED_NOTE = (
    "The photo's file is damaged in places, so parts of the picture may be wrong; "
    "copy or export it again."
)
# Channels that the sentence on an EXR without a picture names.
_NAMED_CHANNELS = 8


class Decoded(NamedTuple):
    """A decoded file."""

    pixels: np.ndarray  # (H, W, 3) uint8, uint16 or float32 RGB, not yet turned upright
    notes: tuple[str, ...] = ()  # sentences for the artist


def decode(data: bytes, head: Header, path: Path) -> Decoded:
    """Decode a photo; alpha is dropped.

    Args:
        data: the whole file.
        head: read from it.
        path: where it is: some decoders open it themselves.

    Raises:
        ImageError: it is damaged, holds no picture, or has pixels of an unknown type.
        MemoryError: OpenCV has too little memory for it.
    """
    if head.format == "exr":
        return Decoded(_finite(_exr(path), path))
    return _opencv(data, head, path)


def _opencv(data: bytes, head: Header, path: Path) -> Decoded:
    """Decode whatever OpenCV can.

    CMYK JPEGs come out by its plain ink formula, without their ICC profile.
    """
    image, messages = _imdecode(data, _FLAGS, head, path)
    if image is None and head.format == "tiff":
        # With a conversion OpenCV reads no float RGBA; as it is stored, it does.
        image, messages = _imdecode(data, cv2.IMREAD_UNCHANGED, head, path)
    notes = (DAMAGED_NOTE,) if _JPEG_DAMAGED in messages else ()
    return Decoded(_rgb(image, head, path), notes)


def _rgb(image: np.ndarray | None, head: Header, path: Path) -> np.ndarray:
    """Convert OpenCV's BGR or BGRA picture to RGB of one of our types."""
    if image is None or image.ndim != 3 or image.shape[2] < 3:
        raise truncated(path)
    if image.shape[:2] != (head.height, head.width):
        raise truncated(path)
    if image.dtype.kind == "f":
        rgb = np.ascontiguousarray(image[..., 2::-1], np.float32)
        return _finite(rgb, path)
    if image.dtype in (np.uint8, np.uint16):
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    raise ImageError(
        f"{path.name} stores {image.dtype} pixels, which cannot be read; "
        "save it with 8, 16 or 32 (float) bits."
    )


def _imdecode(data: bytes, flags: int, head: Header, path: Path) -> tuple[np.ndarray | None, str]:
    """Run OpenCV's decoder.

    Returns:
        The picture, None where the decoder fails in any of its ways, and its messages.
    """
    code = 0
    image = None
    with quiet() as said:
        try:
            image = _decoder(data, flags, head, path)
        except cv2.error as error:
            code = error.code
    if code == cv2.Error.StsNoMem or _NO_MEMORY in said.text:
        raise MemoryError
    if _TIFF_DAMAGED in said.text:
        image = None
    return image, said.text


def _decoder(data: bytes, flags: int, head: Header, path: Path) -> np.ndarray | None:
    # OpenCV writes an HDR that lies in memory to a temporary file of its own, which fails where
    # there is no room for one. On Windows it opens files by names in the local code page alone.
    if head.format == "hdr" and os.name != "nt" and _is_unicode(path):
        return cv2.imread(str(path), flags)
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def _finite(image: np.ndarray, path: Path) -> np.ndarray:
    """Return the picture with black for NaN and infinities."""
    is_bad = ~np.isfinite(image)
    if not is_bad.any():
        return image
    count = int(is_bad.sum())
    log.warning("%s: %d values that are no numbers were set to 0.", path.name, count)
    return np.where(is_bad, np.float32(0), image)


def _exr(path: Path) -> np.ndarray:
    """Read the first part and layer that holds a picture, in its display window, float32."""
    if not _is_unicode(path):
        raise ImageError(
            f"{path.name} lies where names are not UTF-8, so it cannot be opened as EXR; "
            "copy it elsewhere."
        )
    try:
        parts = open_parts(path).parts
    except (RuntimeError, ValueError, OSError, TypeError):
        raise truncated(path) from None
    for part in parts:
        planes = _picture(part.channels)
        if planes is not None:
            image = np.stack(planes, axis=-1).astype(np.float32)
            return _in_display_window(image, part.header)
    channels = sorted(name for part in parts for name in part.channels)
    names = ", ".join(channels[:_NAMED_CHANNELS]) or "none"
    raise ImageError(
        f"{path.name} holds no picture, only the channels {names}; export it with R, G, B or Y."
    )


def _is_unicode(path: Path) -> bool:
    """Tell whether a library that wants UTF-8 can be given the path."""
    try:
        str(path).encode("utf-8")
    except UnicodeError:
        return False
    return True


def _picture(channels: dict[str, Any]) -> list[np.ndarray] | None:
    """Take red, green and blue of the first layer that has them, or luminance three times.

    The unnamed layer is the first.
    """
    layers = sorted({name.rpartition(".")[0] for name in channels})
    for letters in ("RGB", "YYY"):
        for layer in layers:
            prefix = f"{layer}." if layer else ""
            names = [prefix + letter for letter in letters]
            if not all(name in channels for name in names):
                continue
            planes = [channels[name].pixels for name in names]
            if _are_alike(planes):
                return planes
    return None


def _are_alike(planes: list[Any]) -> bool:
    """Tell whether all are arrays of one shape; subsampled channels are not."""
    if not all(isinstance(plane, np.ndarray) for plane in planes):
        return False
    return len({plane.shape for plane in planes}) == 1


def _in_display_window(image: np.ndarray, header: dict[str, Any]) -> np.ndarray:
    """Crop or pad the data window to the display window, as any viewer does."""
    (data_left, data_top), _ = np.asarray(header["dataWindow"], int)
    (left, top), (right, bottom) = np.asarray(header["displayWindow"], int)
    width = right - left + 1
    height = bottom - top + 1
    x = data_left - left
    y = data_top - top
    data_height, data_width = image.shape[:2]
    if (x, y) == (0, 0) and (data_height, data_width) == (height, width):
        return image

    # The part that both windows share, in pixels of the display window.
    framed = np.zeros((height, width, 3), np.float32)
    x0 = max(x, 0)
    y0 = max(y, 0)
    x1 = min(x + data_width, width)
    y1 = min(y + data_height, height)
    if y0 < y1 and x0 < x1:
        framed[y0:y1, x0:x1] = image[y0 - y : y1 - y, x0 - x : x1 - x]
    return framed
