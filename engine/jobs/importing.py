"""Import: Gaussians of another program become a scene on disk, with regions, maps and confidence of our own."""

from dataclasses import dataclass
from typing import Any

from ..makers.file import scene_from_file
from ..makers.options import check_camera_height
from ..progress import Progress
from ..stopwatch import Stopwatch
from ..store import absolute, check_folder_name, one_line
from .saving import saved


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the user asked for."""

    file: str  # a PLY of Gaussians in the photo's camera frame, as SHARP writes it
    output: str  # the scene's folder, NAME.anchorstage
    overwrite: bool = False  # replace an existing scene of that name
    camera_height: float | None = (
        None  # metres above the ground: scales the scene; None: as the file's metres say
    )

    def __post_init__(self) -> None:
        """Refuse values that make no sense, before any work is done."""
        check_camera_height(self.camera_height)


def import_splats(options: ImportOptions, progress: Progress) -> dict[str, Any]:
    """Make a scene of a PLY and save it.

    Returns:
        The scene's summary, with `seconds` by stage.

    Raises:
        AnchorStageError: one sentence; nothing is written then.
    """
    folder, file, watch = absolute(options.output), absolute(options.file), Stopwatch()
    check_folder_name(folder, options.overwrite)
    scene = scene_from_file(file, options.camera_height, watch, progress)
    scene = scene.with_(name=one_line(folder.stem))
    return saved(scene, folder, options.overwrite, watch, progress)
