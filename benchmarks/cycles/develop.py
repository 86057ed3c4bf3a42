"""What a camera does with light: one exposure for a scene, a film's curve, and a JPEG that knows its lens."""

import struct
from pathlib import Path

import cv2
import numpy as np

from engine.colour import encode_srgb, luminance

KEY, WHITE, GAIN = (
    0.22,
    4.0,
    1.25,
)  # the middle grey, what is burnt out, and what the curve is stretched by
JPEG_QUALITY = 92
_DARKEST = 1e-4  # of the logarithms' mean
# TIFF's types and EXIF's tags (CIPA DC-008).
_SHORT, _LONG, _EXIF_IFD, _EQUIVALENT = 3, 4, 0x8769, 0xA405


def exposure(light: np.ndarray) -> float:
    """The factor that brings the mean logarithm of a picture (H, W, 3), scene-linear, to middle grey (Reinhard 2002, eq. 1)."""
    return KEY / float(np.exp(np.log(np.maximum(luminance(light), _DARKEST)).mean()))


def film(light: np.ndarray, factor: float) -> np.ndarray:
    """sRGB-encoded 0..1 from scene-linear light (H, W, 3): Reinhard's curve with a white point (2002, eq. 4)."""
    exposed = np.maximum(light, 0) * factor
    toned = GAIN * exposed * (1 + exposed / WHITE**2) / (1 + exposed)
    return np.asarray(encode_srgb(np.clip(toned, 0, 1).astype(np.float32)))


def write_jpeg(path: Path, picture: np.ndarray, equivalent_mm: int) -> None:
    """Write a picture (H, W, 3), sRGB-encoded 0..1, with the focal length for 35 mm film in its EXIF."""
    done, data = cv2.imencode(".jpg", bgr(picture), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f"The photo {path} could not be compressed.")
    start, rest = data.tobytes()[:2], data.tobytes()[2:]
    block = b"Exif\x00\x00" + _tiff(equivalent_mm)
    path.write_bytes(start + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + rest)


def bgr(picture: np.ndarray) -> np.ndarray:
    """OpenCV's 8-bit order of a picture 0..1."""
    return np.ascontiguousarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)[..., ::-1])


def _tiff(equivalent_mm: int) -> bytes:
    """Two directories of one entry each: where EXIF's begins, and in it the focal length."""
    first = 8
    second = first + 2 + 12 + 4
    return (
        struct.pack("<2sHI", b"II", 42, first)
        + struct.pack("<HHHIII", 1, _EXIF_IFD, _LONG, 1, second, 0)
        + struct.pack("<HHHIHHI", 1, _EQUIVALENT, _SHORT, 1, equivalent_mm, 0, 0)
    )
