"""Reconstruct: one photo becomes a scene on disk."""

from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from ..image import read
from ..makers.options import PhotoOptions
from ..makers.photo import measure_photo, scene_from_photo
from ..makers.sharp import scene_from_sharp
from ..models import SHARP
from ..progress import Progress
from ..render.fitting import FitOptions, device_for
from ..stopwatch import Stopwatch
from ..store import absolute, check_folder_name, one_line
from .saving import saved


@dataclass(frozen=True, kw_only=True)
class ReconstructOptions(PhotoOptions):
    """What the user asked for."""

    photo: str  # the photo's file
    output: str  # the scene's folder, NAME.anchorstage
    overwrite: bool = False  # replace an existing scene of that name

    def __post_init__(self) -> None:
        """Refuse values that make no sense, before any work is done."""
        super().__post_init__()
        if self.fit and self.depth == SHARP.name:
            raise ArgumentError("SHARP's splats are taken as they are; leave the fit away.")


def reconstruct(options: ReconstructOptions, progress: Progress) -> dict[str, Any]:
    """Make a scene of a photo and save it.

    Returns:
        The scene's summary, with `seconds` by stage.

    Raises:
        AnchorStageError: one sentence; nothing is written then.
    """
    folder, watch = absolute(options.output), Stopwatch()
    check_folder_name(folder, options.overwrite)
    if options.fit:
        device_for(FitOptions())  # says what is missing before any work
    with watch.stage("image"):
        progress(0.0, "Reading the photo")
        photo = read(options.photo)
    if options.depth == SHARP.name:
        scene = scene_from_sharp(photo, options, watch, progress)
    else:
        measured = measure_photo(photo, options, watch, progress)
        del photo  # its full-size pixels have done their work: the splats take their memory
        scene = scene_from_photo(measured, options, watch, progress)
    scene = scene.with_(name=one_line(folder.stem))
    return saved(scene, folder, options.overwrite, watch, progress)
