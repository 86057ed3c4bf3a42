"""Finish: an EXR that Blender wrote gets the contract's names and the camera's header."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..camera import Camera, View
from ..export.finish import finish as rewrite
from ..options import option
from .job import Desk, Job, Result


@dataclass(frozen=True, kw_only=True)
class Options:
    """The scene, camera and frame that the file shows."""

    scene: str = option("the scene's folder", positional=True)
    view: dict = option("the camera, in JSON: fx, fy, cx, cy, width, height, world_from_camera")
    camera: dict | None = option("the camera's record in JSON, as `info` gives it", None)
    frame: int = option("the frame's number")
    fps: float = option("frames a second")


def run(options: Options, desk: Desk) -> Result:
    """Rewrite the EXR; its pixels stay bit-equal.

    Raises:
        AnchorStageError: one sentence; the file is as it was then.
    """
    desk.progress(0.0, "Finishing the EXR")
    facts = rewrite(
        desk.blobs.source("exr"),
        desk.blobs.target("finished"),
        scene=desk.scenes.get(options.scene),
        view=View.from_json(options.view),
        camera=Camera.from_json(options.camera) if options.camera else None,
        frame=options.frame,
        fps=options.fps,
    )
    return {name: value for name, value in facts.items() if name != "path"}


def tell(result: Result) -> Iterator[str]:
    """Tell a person which channels the file has."""
    yield "channels: " + ", ".join(result["channels"])


JOB = Job(
    name="finish",
    lane="quick",
    sentence="Give an EXR that Blender wrote its contract names and header.",
    options=Options,
    run=run,
    tell=tell,
    gives="`channels`, and `void_coverage` and `confidence` where the file has the passes",
    lends={"exr": "the file that Blender wrote"},
    wants={"finished": "the finished file; it may be the same"},
)
