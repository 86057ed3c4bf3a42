"""A scene of SHARP's Gaussians: photo ─► SHARP's own package ─► Gaussians ─► `placing`."""

import importlib.util
from types import ModuleType

import numpy as np

from ..depth import DepthOptions
from ..depth.builtin import estimator as builtin
from ..depth.estimating import grid_size, known_focal
from ..depth.learned.estimator import NEEDS_AI_ENGINE
from ..depth.placing import Origin
from ..errors import DepthError
from ..image import Photo
from ..models import SHARP
from ..progress import Progress
from ..scene import Scene
from ..splats import Splats
from ..stopwatch import Stopwatch
from .options import PhotoOptions
from .placing import Source, scene_from_gaussians

SHARP_PIXELS = 1536 * 1536  # what SHARP scales its picture to: more would be thrown away


def scene_from_sharp(
    photo: Photo, options: PhotoOptions, watch: Stopwatch, progress: Progress
) -> Scene:
    """Make a scene, without a name, of the Gaussians that SHARP gives for a photo.

    Args:
        photo: upright.
        options: `depth_folder` is SHARP's checkpoint or the folder with it; None: where models
            are kept.
        watch: notes the seconds of each stage.
        progress: told 0..0.85.

    Raises:
        AnchorStageError: torch, SHARP's package or its checkpoint are missing or do not fit.
    """
    network = _network()
    checkpoint = network.find_checkpoint(options.depth_folder)
    with watch.stage("sharp"):
        width, height = grid_size(photo, SHARP_PIXELS)
        colours = photo.encoded(width, height)
        focal = _focal(photo, colours, options, progress.part(0.0, 0.03))  # pixels of the photo
        splats, view = network.predict(
            colours, focal * width / photo.width, checkpoint, progress.part(0.03, 0.1)
        )
        splats = fewest(splats, options.max_splats)
    view = view.resized(photo.width, photo.height)
    source = Source(splats, view, photo, Origin(SHARP.title, SHARP))
    return scene_from_gaussians(source, options.camera_height, watch, progress)


def _focal(photo: Photo, colours: np.ndarray, options: PhotoOptions, progress: Progress) -> float:
    """The photo's focal length in its own pixels: given, from EXIF, else measured."""
    known = DepthOptions(focal_px=options.focal_px, focal_mm=options.focal_mm)
    focal, focal_from = known_focal(photo, known)
    if focal is not None:
        return focal
    found = builtin.measure(colours, None, focal_from, options.camera_height, progress)
    return found.view.fx * photo.width / colours.shape[1]


def fewest(splats: Splats, most: int) -> Splats:
    """Keep at most `most` Gaussians, in their order: those that cover most of the picture.

    The picture is seen from the origin.
    """
    if len(splats) <= most:
        return splats
    # A disc's area is the product of its two longer axes.
    area = np.sort(splats.scales, axis=1)[:, 1:].prod(axis=1)
    square = np.maximum((splats.positions**2).sum(axis=1), 1e-12)
    weight = splats.opacities * area / square
    return splats.select(np.sort(np.argpartition(-weight, most - 1)[:most]))


def _network() -> ModuleType:
    """Load the file that runs SHARP, and torch with it.

    Raises:
        DepthError: torch is not there, or does not start.
    """
    if importlib.util.find_spec("torch") is None:
        raise DepthError(NEEDS_AI_ENGINE)
    try:
        from . import sharp_network
    except (ImportError, OSError, RuntimeError) as error:
        raise DepthError(
            f"The AI engine does not start ({error}). Install it again, or use the built-in depth."
        ) from error
    return sharp_network
