"""From bytes to RGB pixels as stored: OpenCV for everyday formats, OpenEXR for EXR."""

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


# What the decoders themselves say of a file, by which a picture that came out although it is
# damaged is told.
_TIFF_DAMAGED = "TIFF_Error"
_JPEG_DAMAGED = "Corrupt JPEG data"
DAMAGED_NOTE = (
    "The photo's file is damaged in places, so parts of the picture may be wrong; "
    "copy or export it again."
)


class Decoded(NamedTuple):
    """A decoded file."""

    pixels: np.ndarray  # (H, W, 3) uint8, uint16 or float32 RGB, not yet turned upright
    notes: tuple[str, ...] = ()  # what the artist should be told


def decode(data: bytes, head: Header, path: Path) -> Decoded:
    """Decode; alpha is dropped."""
    return Decoded(_finite(_exr(path), path)) if head.format == "exr" else _opencv(data, head, path)


def _opencv(data: bytes, head: Header, path: Path) -> Decoded:
    """Decode what OpenCV decodes.

    CMYK JPEGs come out by its plain ink formula, without their ICC profile.
    """
    image, said = _imdecode(data, _FLAGS, head, path)
    if image is None and head.format == "tiff":  # OpenCV converts no float RGBA on its way
        image, said = _imdecode(data, cv2.IMREAD_UNCHANGED, head, path)
    notes = (DAMAGED_NOTE,) if _JPEG_DAMAGED in said else ()
    return Decoded(_rgb(image, head, path), notes)


def _rgb(image: np.ndarray | None, head: Header, path: Path) -> np.ndarray:
    """OpenCV's picture as RGB of one of our types."""
    if image is None or image.ndim != 3 or image.shape[2] < 3:
        raise truncated(path)
    if image.shape[:2] != (head.height, head.width):
        raise truncated(path)
    if image.dtype.kind == "f":
        return _finite(np.ascontiguousarray(image[..., 2::-1], np.float32), path)
    if image.dtype in (np.uint8, np.uint16):
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    raise ImageError(
        f"{path.name} stores {image.dtype} pixels, which cannot be read; "
        "save it with 8, 16 or 32 (float) bits."
    )


def _imdecode(data: bytes, flags: int, head: Header, path: Path) -> tuple[np.ndarray | None, str]:
    """Return OpenCV's picture and what it said; no picture where it fails in any of its ways."""
    code = 0
    image = None
    with quiet() as said:
        try:
            image = _decoder(data, flags, head, path)
        except cv2.error as error:
            code = error.code
    if code == cv2.Error.StsNoMem or "Insufficient memory" in said.text:
        raise MemoryError
    return (None if _TIFF_DAMAGED in said.text else image), said.text


def _decoder(data: bytes, flags: int, head: Header, path: Path) -> np.ndarray | None:
    # OpenCV writes an HDR that lies in memory to a temporary file of its own, which fails where
    # there is no room for one. On Windows it opens files by names in the local code page alone.
    if head.format == "hdr" and os.name != "nt" and _is_unicode(path):
        return cv2.imread(str(path), flags)
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def _finite(image: np.ndarray, path: Path) -> np.ndarray:
    """The same without NaN and infinities: they become black."""
    bad = ~np.isfinite(image)
    if bad.any():
        log.warning("%s: %d values that are no numbers were set to 0.", path.name, int(bad.sum()))
        image = np.where(bad, np.float32(0), image)
    return image


def _exr(path: Path) -> np.ndarray:
    """The first part and layer that holds a picture, in its display window, float32."""
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
            return _in_display_window(np.stack(planes, axis=-1).astype(np.float32), part.header)
    names = ", ".join(sorted(name for part in parts for name in part.channels)[:8]) or "none"
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
    """Return red, green and blue (or luminance three times) of the first layer that has them.

    The unnamed layer is first.
    """
    layers = sorted({name.rpartition(".")[0] for name in channels})
    for wanted in ("RGB", "YYY"):
        for layer in layers:
            names = [f"{layer}.{letter}" if layer else letter for letter in wanted]
            if all(name in channels for name in names):
                planes = [channels[name].pixels for name in names]
                if _is_one_picture(planes):
                    return planes
    return None


def _is_one_picture(planes: list[Any]) -> bool:
    """Tell whether planes are arrays of one shape; subsampled ones are not."""
    shape = getattr(planes[0], "shape", None)
    return all(isinstance(plane, np.ndarray) and plane.shape == shape for plane in planes)


def _in_display_window(image: np.ndarray, header: dict[str, Any]) -> np.ndarray:
    """Crop or pad the data window to the display window, as any viewer does."""
    data_corner, _ = np.asarray(header["dataWindow"], int)
    first, last = np.asarray(header["displayWindow"], int)
    width, height = last - first + 1
    # Where the data's corner lies in the display window.
    x, y = data_corner - first
    if (x, y) == (0, 0) and image.shape[:2] == (height, width):
        return image
    # The part of the display window that the data covers.
    top = max(y, 0)
    left = max(x, 0)
    bottom = min(y + image.shape[0], height)
    right = min(x + image.shape[1], width)
    framed = np.zeros((height, width, 3), np.float32)
    if top < bottom and left < right:
        framed[top:bottom, left:right] = image[top - y : bottom - y, left - x : right - x]
    return framed
