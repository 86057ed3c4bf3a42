"""A scene of a file of Gaussians in the photo's camera frame, as SHARP writes it."""

from pathlib import Path

from ..depth.placing import Origin
from ..formats.sharp_ply import read_camera_frame, written_by_sharp
from ..models import SHARP
from ..progress import Progress
from ..scene import Scene
from ..stopwatch import Stopwatch
from .judging import judged
from .placing import Source, scene_from_gaussians


def scene_from_file(
    file: Path, camera_height: float | None, watch: Stopwatch, progress: Progress
) -> Scene:
    """Make a scene, without a name, of the Gaussians in a PLY.

    Args:
        file: the PLY.
        camera_height: metres above the ground, which scales the scene; None: as the file says.
        watch: notes the seconds of each stage.
        progress: told 0..0.85.

    Raises:
        AnchorStageError: one sentence.
    """
    with watch.stage("read"):
        progress(0.0, "Reading the splats")
        splats, view = read_camera_frame(file)
        splats = judged(splats, view)
    if written_by_sharp(file):
        origin = Origin(SHARP.title, SHARP)
    else:
        origin = Origin(f"“{file.name}”", None)
    source = Source(splats, view, None, origin)
    return scene_from_gaussians(source, camera_height, watch, progress)
