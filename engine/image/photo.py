"""The `Photo` record, and `read`, which makes one of a file."""

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..colour import encode_srgb
from ..errors import ImageError
from . import decode, exif, file_header
from .file_header import Header

# Pixels a side; smaller pictures hold nothing to measure.
MIN_SIDE = 64
# Beyond this decoding alone needs gigabytes.
MAX_PIXELS = 100_000_000
# The largest picture as 32-bit floats with alpha, uncompressed, and some room.
MAX_BYTES = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it came, and its upright pixels.

    Integers are sRGB-encoded, floats scene-linear Rec.709.
    """

    name: str  # the file's name without its suffix
    suffix: str  # lower case, with its dot
    original: bytes = field(repr=False)  # the file, bit for bit
    pixels: np.ndarray = field(repr=False)  # (H, W, 3) uint8, uint16 or float32, RGB, upright
    exif: dict[str, Any] = field(default_factory=dict)  # plain numbers and strings, by EXIF's names
    focal_px: float | None = None  # pixels of the upright photo at its full size
    notes: tuple[str, ...] = ()  # sentences for the artist

    @property
    def width(self) -> int:
        """Pixels of the upright photo."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels of the upright photo."""
        return int(self.pixels.shape[0])

    @property
    def linear(self) -> bool:
        """True where the pixels are scene-linear (a float file), not sRGB-encoded."""
        return self.pixels.dtype.kind == "f"

    def encoded(self, width: int, height: int) -> np.ndarray:
        """Resample the picture to another grid, sRGB-encoded.

        Pixels are averaged by area where the grid is coarser and interpolated where it is finer:
        linear photos in linear light, others as they are encoded. Values above 1 of a linear photo
        survive.

        Args:
            width: pixels.
            height: pixels.

        Returns:
            (height, width, 3) float32.
        """
        pixels = self.pixels
        if (width, height) != (self.width, self.height):
            is_coarser = width <= self.width and height <= self.height
            interpolation = cv2.INTER_AREA if is_coarser else cv2.INTER_LINEAR
            pixels = cv2.resize(pixels, (width, height), interpolation=interpolation)
        if self.linear:
            return encode_srgb(pixels)
        white = np.float32(np.iinfo(pixels.dtype).max)
        return pixels.astype(np.float32) / white


def read(path: str | Path) -> Photo:
    """Read a JPEG, PNG, TIFF, WebP, EXR or Radiance HDR file, turned upright.

    Alpha is dropped: the colours under it are kept as they are in the file.

    Raises:
        ImageError: the file is missing, is no image, is cut short, or is smaller or larger than can
            be worked with.
    """
    path = Path(path)
    data = _bytes(path)
    head = file_header.parse(data, path)
    _check_size(head, path)
    tags = exif.parse(head.exif) if head.exif else {}
    decoded = decode.decode(data, head, path)
    pixels = exif.upright(decoded.pixels, tags.get("Orientation", 1))
    height, width = pixels.shape[:2]
    return Photo(
        name=path.stem,
        suffix=path.suffix.lower(),
        original=data,
        pixels=pixels,
        exif=tags,
        focal_px=exif.focal_px(tags, width, height),
        notes=decoded.notes,
    )


def _bytes(path: Path) -> bytes:
    """Read the whole file; refuse it in one sentence where that cannot be done."""
    try:
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            raise ImageError(f"{path.name} is a folder; choose a photo in it.")
        if not stat.S_ISREG(state.st_mode):
            raise ImageError(f"{path.name} is a device or a pipe; choose a photo that is a file.")
        if state.st_size > MAX_BYTES:
            gigabytes = state.st_size / 1e9
            raise ImageError(
                f"{path.name} holds {gigabytes:.1f} GB; save it as a JPEG, or scale it down."
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}; choose a photo that exists.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(
            f"{path.name} cannot be opened ({reason}); check its permissions."
        ) from None
    if not data:
        raise ImageError(f"{path.name} is empty (0 bytes); copy or export the photo again.")
    return data


def _check_size(head: Header, path: Path) -> None:
    """Refuse a photo that is too small to measure or too large to hold, before it is decoded."""
    size = f"{head.width}x{head.height}"
    if min(head.width, head.height) < MIN_SIDE:
        raise ImageError(
            f"{path.name} is {size} pixels; use a photo of at least {MIN_SIDE} pixels a side."
        )
    if head.width * head.height > MAX_PIXELS:
        megapixels = MAX_PIXELS // 1_000_000
        raise ImageError(
            f"{path.name} is {size} pixels; scale it down to {megapixels} megapixels or less."
        )
