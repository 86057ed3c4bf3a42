"""Frame: all passes of one view, for Blender's render engine and viewport."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..camera import View
from ..export.packed import frame_planes, write_planes
from ..options import option
from ..render.rasteriser import render
from .drawing import drawing_options
from .job import Desk, Job, Result


@dataclass(frozen=True, kw_only=True)
class Options:
    """The scene, and the view of it."""

    scene: str = option("the scene's folder", positional=True)
    view: dict = option("the camera, in JSON: fx, fy, cx, cy, width, height, world_from_camera")
    moving: bool = option("in bounded time, from levels of detail", False)


def run(options: Options, desk: Desk) -> Result:
    """Render a view into a file of raw channels.

    Raises:
        AnchorStageError: one sentence.
    """
    progress = desk.progress
    # A moving frame is drawn from levels of detail.
    if options.moving:
        scene = desk.scenes.get_with_levels(options.scene, progress)
    else:
        scene = desk.scenes.get(options.scene)
    view = View.from_json(options.view)
    progress(0.0, "Rendering")
    drawing = drawing_options(scene, options.moving)
    picture = render(scene.splats, view, drawing, progress, scene.levels)
    progress(0.8, "Handing over")
    layout = write_planes(desk.blobs.target("passes"), frame_planes(picture))
    return {"layout": layout}


def tell(result: Result) -> Iterator[str]:
    """Tell a person which passes there are."""
    yield "passes: " + ", ".join(name for name, _, _ in result["layout"])


JOB = Job(
    name="frame",
    lane="quick",
    sentence="Render all passes of one view into a file of raw numbers.",
    options=Options,
    run=run,
    tell=tell,
    gives="`layout` (`[name, channels, offset in floats]` of each pass)",
    wants={"passes": "raw float32, pass after pass, top row first"},
)
