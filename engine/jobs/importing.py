"""Import: Gaussians of another program become a scene on disk, with regions of our own."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..makers.file import scene_from_file
from ..makers.options import check_camera_height
from ..options import option
from ..stopwatch import Stopwatch
from ..store import absolute, check_folder_name
from .job import Desk, Job, Result
from .saving import saved
from .summary import SUMMARY, told


@dataclass(frozen=True, kw_only=True)
class Options:
    """The folder of the scene, and its scale."""

    output: str = option("the scene's folder, NAME.anchorstage", short="-o")
    overwrite: bool = option("replace an existing scene of that name", False)
    camera_height: float | None = option(
        "metres between the ground and the camera; scales the scene", None
    )

    def __post_init__(self) -> None:
        """Refuse values that make no sense, before any work is done."""
        check_camera_height(self.camera_height)


def run(options: Options, desk: Desk) -> Result:
    """Make a scene of the PLY that is lent, and save it.

    Raises:
        AnchorStageError: one sentence; nothing is written then.
    """
    folder = absolute(options.output)
    file = absolute(desk.blobs.source("file"))
    watch = Stopwatch()
    # Long work in vain is worse than a question too many.
    check_folder_name(folder, options.overwrite)
    scene = scene_from_file(file, options.camera_height, watch, desk.progress)
    return saved(scene, folder, options.overwrite, watch, desk)


def tell(result: Result) -> Iterator[str]:
    """Tell a person what the scene holds."""
    yield from told(result)


JOB = Job(
    name="import",
    lane="long",
    sentence=(
        "Make a scene from a PLY of Gaussians in the photo's camera frame, such as SHARP writes."
    ),
    options=Options,
    run=run,
    tell=tell,
    gives=f"{SUMMARY}, and `seconds` by stage",
    lends={"file": "the PLY"},
)
