"""Depth: a photo to metric depth, with its camera, its uncertainty and its surfaces' normals.

Photo ─► grid of at most max_pixels ─► focal length ─► the chosen source ─► DepthEstimate
"""

from .. import models
from ..errors import ArgumentError
from ..image import Photo
from ..progress import Progress
from .builtin import estimator as builtin
from .learned import estimator as learned
from .record import DepthEstimate, DepthOptions

BUILTIN = "builtin"
SOURCES = (BUILTIN, *models.MODELS)
_FRAME_WIDTH_MM = 36.0
_LEAST_SIDE = 16  # pixels of a grid; thinner strips hold no surface


def estimate(
    photo: Photo, options: DepthOptions | None = None, progress: Progress | None = None
) -> DepthEstimate:
    """Estimate the metric depth of a photo.

    Args:
        photo: upright.
        options: what the user knows; the defaults where None.
        progress: told 0..1, asked whether to stop.

    Raises:
        DepthError: no such source, or its model is missing, damaged, or too large for the memory.
    """
    options, progress = options or DepthOptions(), progress or Progress()
    _check(options)
    width, height = grid_size(photo, options.max_pixels)
    focal, focal_from = known_focal(photo, options)
    on_grid = None if focal is None else focal * width / photo.width
    colours = photo.encoded(width, height)
    if options.source == BUILTIN and options.model_folder is None:
        return builtin.measure(colours, on_grid, focal_from, options.camera_height, progress)
    name = None if options.source == BUILTIN else options.source
    known = learned.Known(on_grid, focal_from, options.camera_height)
    return learned.measure(colours, known, name, options.model_folder, progress)


def grid_size(photo: Photo, max_pixels: int) -> tuple[int, int]:
    """Width and height of the grid that the maps of a photo are made on: its own, or its aspect with fewer pixels."""
    scale = min(1.0, (max_pixels / (photo.width * photo.height)) ** 0.5)
    return max(_LEAST_SIDE, int(photo.width * scale)), max(_LEAST_SIDE, int(photo.height * scale))


def known_focal(photo: Photo, options: DepthOptions) -> tuple[float | None, str]:
    """Focal length in pixels of the whole photo, and where it is known from; None where it is not."""
    if options.focal_px is not None:
        return options.focal_px, "given"
    if options.focal_mm is not None:
        return options.focal_mm / _FRAME_WIDTH_MM * photo.width, "given"
    return photo.focal_px, "from EXIF"


def _check(options: DepthOptions) -> None:
    """Refuse options that make no sense."""
    if options.source not in SOURCES:
        models.card(options.source)
    for name, what in (
        ("focal_px", "focal length"),
        ("focal_mm", "focal length"),
        ("camera_height", "camera height"),
    ):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise ArgumentError(f"The {what} must be a number above 0, not {value}.")
    if options.max_pixels < _LEAST_SIDE**2:
        raise ArgumentError(
            f"max_pixels must be at least {_LEAST_SIDE**2}, not {options.max_pixels}."
        )
