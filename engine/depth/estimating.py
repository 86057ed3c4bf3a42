"""The door of the depth room: a photo and the user's options to metric depth.

photo ─► grid of at most max_pixels ─► focal length ─► the chosen source ─► DepthEstimate
"""

import math

from .. import models
from ..camera import FULL_FRAME_WIDTH_MM
from ..errors import ArgumentError
from ..image import Photo
from ..progress import Progress
from .builtin import estimator as builtin
from .learned import estimator as learned
from .provenance import Known
from .record import DepthEstimate, DepthOptions

BUILTIN = "builtin"
SOURCES = (BUILTIN, *models.MODELS)
_LEAST_SIDE = 16  # pixels of a grid; thinner strips hold no surface
_LEAST_PIXELS = _LEAST_SIDE**2


def estimate(
    photo: Photo,
    options: DepthOptions | None = None,
    progress: Progress | None = None,
) -> DepthEstimate:
    """Estimate the metric depth of a photo.

    Args:
        photo: upright.
        options: the user's knowledge; the defaults where None.
        progress: told 0..1, asked whether to stop.

    Raises:
        ArgumentError: an option is no number above 0, or the grid would be too small.
        DepthError: no such source, or its model is missing, damaged, or too large for the memory.
    """
    options = options or DepthOptions()
    progress = progress or Progress()
    _check(options)

    width, height = grid_size(photo, options.max_pixels)
    colours = photo.encoded(width, height)  # [H, W, 3]
    # The options and EXIF speak of the whole photo, the maps of the grid.
    focal, focal_from = known_focal(photo, options)
    if focal is not None:
        focal = focal * width / photo.width

    if options.source == BUILTIN and options.model_folder is None:
        return builtin.measure(
            colours,
            focal,
            focal_from,
            options.camera_height,
            progress,
        )
    # With a folder alone, the model is the one that the folder holds.
    name = None if options.source == BUILTIN else options.source
    known = Known(focal, focal_from, options.camera_height)
    return learned.measure(
        colours,
        known,
        name,
        options.model_folder,
        progress,
    )


def grid_size(photo: Photo, max_pixels: int) -> tuple[int, int]:
    """Return width and height of the grid that the maps of a photo are made on.

    It is the photo's own, or one with its aspect and fewer pixels.
    """
    pixels = photo.width * photo.height
    scale = min(1.0, (max_pixels / pixels) ** 0.5)
    width = max(_LEAST_SIDE, int(photo.width * scale))
    height = max(_LEAST_SIDE, int(photo.height * scale))
    return width, height


def known_focal(photo: Photo, options: DepthOptions) -> tuple[float | None, str]:
    """Return the focal length in pixels of the whole photo, None if unknown, and its origin."""
    if options.focal_px is not None:
        return options.focal_px, "given"
    if options.focal_mm is not None:
        widths = options.focal_mm / FULL_FRAME_WIDTH_MM
        return widths * photo.width, "given"
    return photo.focal_px, "from EXIF"


def _check(options: DepthOptions) -> None:
    """Refuse options that make no sense."""
    if options.source not in SOURCES:
        models.card(options.source)  # raises a sentence that names the sources
    _check_positive("focal length", options.focal_px)
    _check_positive("focal length", options.focal_mm)
    _check_positive("camera height", options.camera_height)
    if options.max_pixels < _LEAST_PIXELS:
        raise ArgumentError(
            f"max_pixels must be at least {_LEAST_PIXELS}, not {options.max_pixels}."
        )


def _check_positive(name: str, value: float | None) -> None:
    """Refuse a value that is given and no finite number above 0."""
    if value is None:
        return
    if not 0 < value < math.inf:
        raise ArgumentError(f"The {name} must be a number above 0, not {value}.")
