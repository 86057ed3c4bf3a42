"""Masks as PNG files of 0 and 255."""

from pathlib import Path

import cv2
import numpy as np

from ...errors import ImageError, SceneError
from ...image import file_header
from ...image.photo import MAX_PIXELS
from ...store import quiet

_THRESHOLD = 127  # of 255; above it a pixel belongs to the mask


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a mask (H, W) bool."""
    _, png = cv2.imencode(".png", mask.astype(np.uint8) * 255)
    path.write_bytes(png.tobytes())


def read_mask(path: Path, shape: tuple[int, ...] | None, what: str) -> np.ndarray:
    """Read a mask.

    Args:
        path: of the PNG.
        shape: (H, W) that it must have; None: any, up to the largest photo.
        what: the mask's name in the sentence of an error.

    Returns:
        (H, W) bool.

    Raises:
        SceneError: it is missing, damaged, or of another size.
    """
    data = path.read_bytes() if path.is_file() else b""
    mask = None
    try:
        # The header is looked at before anything is decoded: a few damaged bytes ask for gigabytes.
        head = file_header.parse(data, path)
        if shape is not None:
            fits = (head.height, head.width) == shape
        else:
            fits = head.width * head.height <= MAX_PIXELS
        if head.format == "png" and fits:
            with quiet():
                mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (cv2.error, ImageError):
        mask = None
    if mask is None:
        raise SceneError(
            f"The {what} “{path}” is missing, damaged or of another size than the maps. "
            "Restore it, or reconstruct again."
        )
    return mask > _THRESHOLD
