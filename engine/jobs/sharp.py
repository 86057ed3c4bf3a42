"""SHARP's Gaussians as our scene: photo ─► SHARP's own package ─► the same way as a file of its Gaussians goes."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .. import depth
from ..depth import DepthOptions, builtin, learned
from ..errors import DepthError
from ..image import Photo
from ..progress import Progress
from ..scene import Scene
from ..splats import Splats
from .importing import Source, staged
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from .reconstruct import ReconstructOptions

SHARP_PIXELS = 1536 * 1536  # what SHARP scales its picture to: more would be thrown away


def scene_by_sharp(options: "ReconstructOptions", photo: Photo, watch: Stopwatch, progress: Progress) -> Scene:
    """A scene, without a name, of the Gaussians that SHARP gives for a photo.

    Args:
        options: `depth_folder` is SHARP's checkpoint or the folder with it; None: where models are kept.
        photo: upright.
        watch: notes the seconds.
        progress: told 0..0.85.

    Raises:
        AnchorStageError: torch, SHARP's package or its checkpoint are missing or do not fit.
    """
    network = _network()
    checkpoint = network.find_checkpoint(options.depth_folder)
    with watch.stage("sharp"):
        width, height = depth.grid_size(photo, SHARP_PIXELS)
        colours = photo.encoded(width, height)
        known = DepthOptions(focal_px=options.focal_px, focal_mm=options.focal_mm, max_pixels=SHARP_PIXELS)
        focal, focal_from = depth.known_focal(photo, known)
        if focal is None:
            found = builtin.measure(colours, None, focal_from, options.camera_height, progress.part(0.0, 0.03))
            focal = found.view.fx * photo.width / width
        gaussians, view = network.predict(colours, focal * width / photo.width, checkpoint, progress.part(0.03, 0.1))
        gaussians = fewest(gaussians, options.max_splats)
    source = Source(gaussians, view.resized(photo.width, photo.height), photo, Path(checkpoint))
    return staged(source, options.camera_height, watch, progress)


def fewest(gaussians: Splats, most: int) -> Splats:
    """At most so many Gaussians, in their order: those that cover most of the picture, seen from the origin."""
    if len(gaussians) <= most:
        return gaussians
    sizes = np.sort(gaussians.scales, axis=1)[:, 1:].prod(axis=1)  # the two longer axes: a disc's area
    weight = gaussians.opacities * sizes / np.maximum((gaussians.positions**2).sum(axis=1), 1e-12)
    return gaussians.select(np.sort(np.argpartition(-weight, most - 1)[:most]))


def _network() -> ModuleType:
    if importlib.util.find_spec("torch") is None:
        raise DepthError(learned.NEEDS_AI_ENGINE)
    try:
        from ..splats import sharp_network
    except (ImportError, OSError, RuntimeError) as error:
        raise DepthError(f"The AI engine does not start ({error}). Install it again, or use the built-in depth.") from error
    return sharp_network
