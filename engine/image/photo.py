"""The `Photo` record, and `read`, which makes one from a file."""

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..colour import encode_srgb
from ..errors import ImageError
from . import decode, exif
from . import file_header as header

MIN_SIDE = 64  # pixels; smaller pictures hold nothing to measure
MAX_PIXELS = 100_000_000  # beyond this decoding alone needs gigabytes
MAX_BYTES = (
    2_000_000_000  # the largest picture as 32-bit floats with alpha, uncompressed, and some room
)


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
    notes: tuple[str, ...] = ()  # what the artist should be told of the file

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
        """True where the pixels are scene-linear (a float file) rather than sRGB-encoded."""
        return self.pixels.dtype.kind == "f"

    def encoded(self, width: int, height: int) -> np.ndarray:
        """Return the picture on another grid, sRGB-encoded; a linear photo keeps values above 1.

        Pixels are averaged by area where the grid is coarser and interpolated where it is finer:
        linear photos in linear light, others as they are encoded.

        Args:
            width: pixels.
            height: pixels.

        Returns:
            (height, width, 3) float32.
        """
        pixels = self.pixels
        if (width, height) != (self.width, self.height):
            is_coarser = width <= self.width and height <= self.height
            way = cv2.INTER_AREA if is_coarser else cv2.INTER_LINEAR
            pixels = cv2.resize(pixels, (width, height), interpolation=way)
        if self.linear:
            return encode_srgb(pixels)
        brightest = np.float32(np.iinfo(pixels.dtype).max)
        return pixels.astype(np.float32) / brightest


def read(path: str | Path) -> Photo:
    """Read a JPEG, PNG, TIFF, WebP, EXR or Radiance HDR file, turned upright.

    Alpha is dropped: the colours under it are kept as they are in the file. Raises ImageError with
    one sentence where the file is missing, is no image, is cut short, or is smaller or larger than
    can be worked with.
    """
    path = Path(path)
    data = _bytes(path)
    head = header.parse(data, path)
    _check_size(head, path)
    tags = exif.parse(head.exif) if head.exif else {}
    decoded = decode.decode(data, head, path)
    pixels = exif.upright(decoded.pixels, tags.get("Orientation", 1))
    focal = exif.focal_px(tags, pixels.shape[1], pixels.shape[0])
    return Photo(
        name=path.stem,
        suffix=path.suffix.lower(),
        original=data,
        pixels=pixels,
        exif=tags,
        focal_px=focal,
        notes=decoded.notes,
    )


def _bytes(path: Path) -> bytes:
    """Read the whole file.

    Raises:
        ImageError: one sentence why not.
    """
    try:
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            raise ImageError(f"{path.name} is a folder; choose a photo in it.")
        if not stat.S_ISREG(state.st_mode):
            raise ImageError(f"{path.name} is a device or a pipe; choose a photo that is a file.")
        if state.st_size > MAX_BYTES:
            raise ImageError(
                f"{path.name} holds {state.st_size / 1e9:.1f} GB; "
                "save it as a JPEG, or scale it down."
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


def _check_size(head: header.Header, path: Path) -> None:
    """Refuse, before anything is decoded, what is too small to measure or too large to hold."""
    size = f"{head.width}x{head.height}"
    if min(head.width, head.height) < MIN_SIDE:
        raise ImageError(
            f"{path.name} is {size} pixels; use a photo of at least {MIN_SIDE} pixels a side."
        )
    if head.width * head.height > MAX_PIXELS:
        raise ImageError(
            f"{path.name} is {size} pixels; "
            f"scale it down to {MAX_PIXELS // 1_000_000} megapixels or less."
        )
