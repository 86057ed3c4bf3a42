"""Reconstruct: one photo becomes a scene on disk."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ArgumentError
from ..freed import give_back
from ..image import read
from ..makers.options import PhotoOptions
from ..makers.photo import measure_photo, scene_from_photo
from ..makers.sharp import scene_from_sharp
from ..models import gives
from ..options import option
from ..render.fitting import FitOptions, device_for
from ..stopwatch import Stopwatch
from ..store import absolute, check_folder_name
from .job import Desk, Job, Result
from .saving import saved
from .summary import SUMMARY, told


@dataclass(frozen=True, kw_only=True)
class Options(PhotoOptions):
    """The folder of the scene, and what is known of the photo."""

    output: str = option("the scene's folder, NAME.anchorstage", short="-o")
    overwrite: bool = option("replace an existing scene of that name", False)

    def __post_init__(self) -> None:
        """Refuse values that make no sense, before any work is done."""
        super().__post_init__()
        if self.fit and gives(self.depth) == "gaussians":
            raise ArgumentError("SHARP's splats are taken as they are; leave the fit away.")


def run(options: Options, desk: Desk) -> Result:
    """Make a scene of the photo that is lent, and save it.

    Raises:
        AnchorStageError: one sentence; nothing is written then.
    """
    folder = absolute(options.output)
    progress = desk.progress
    watch = Stopwatch()
    check_folder_name(folder, options.overwrite)
    if options.fit:
        device_for(FitOptions())  # says what is missing before any work
    try:
        with watch.stage("image"):
            progress(0.0, "Reading the photo")
            photo = read(desk.blobs.source("photo"))
        if gives(options.depth) == "gaussians":
            scene = scene_from_sharp(photo, options, watch, progress)
        else:
            measured = measure_photo(photo, options, watch, progress)
            del photo  # its full-size pixels have done their work: the splats take their memory
            scene = scene_from_photo(measured, options, watch, progress)
        return saved(scene, folder, options.overwrite, watch, desk)
    finally:
        give_back()


def tell(result: Result) -> Iterator[str]:
    """Tell a person what the scene holds."""
    yield from told(result)


JOB = Job(
    name="reconstruct",
    lane="long",
    sentence="Make a scene from a photo.",
    options=Options,
    run=run,
    tell=tell,
    gives=f"{SUMMARY}, and `seconds` by stage",
    lends={"photo": "JPEG, PNG, TIFF, WebP, EXR or HDR"},
)
