"""Render: a camera move becomes a sequence of EXRs."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..camera import Camera, View
from ..errors import ArgumentError
from ..export.sequence import write_sequence
from ..moves import Move, parse_move
from ..options import option
from ..render import ProxyRender
from ..render.rasteriser import render
from ..scene import Scene
from ..scene.facts import pivot_distance
from ..stopwatch import Stopwatch
from ..store import absolute
from .drawing import drawing_options
from .job import Desk, Job, Result

MOST_FRAMES = 100_000
FRAME_RATES = (0.01, 100_000)  # frames a second, from a time lapse to the fastest cameras
_SHORTEST = 1e-6  # seconds; no rendering is quicker, and none divides by zero


@dataclass(frozen=True, kw_only=True)
class Options:
    """The move, its length, the size of the frames, and their folder."""

    scene: str = option("the scene's folder", positional=True)
    output: str = option("folder for shot.####.exr, metadata.json and region masks", short="-o")
    move: str = option("dolly:M,truck:M,pedestal:M,orbit:DEG,pan:DEG,tilt:DEG,lens:MM", "")
    frames: int = option("how many frames", 1)
    size: str = option("WIDTHxHEIGHT in pixels", "1280x720")
    fps: float = option("frames a second", 24.0)
    camera: str | None = option("id of the camera that starts the move (else the active one)", None)
    overwrite: bool = option("replace frames of that name", False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense, before any work is done."""
        if not 1 <= self.frames <= MOST_FRAMES:
            raise ArgumentError(
                f"The number of frames must be between 1 and {MOST_FRAMES}, not {self.frames}."
            )
        low, high = FRAME_RATES
        if not low <= self.fps <= high:
            raise ArgumentError(
                f"Frames per second must be a number from {low} to {high}, not {self.fps}."
            )

    @cached_property
    def parsed_move(self) -> Move:
        """The move.

        Raises:
            ArgumentError: it makes no sense.
        """
        return parse_move(self.move)

    @cached_property
    def pixels(self) -> tuple[int, int]:
        """Width and height.

        Raises:
            ArgumentError: they are no size.
        """
        width, _, height = self.size.lower().partition("x")
        try:
            return int(width), int(height)
        except ValueError:
            raise ArgumentError(f"“{self.size}” is not a size; write it as 1280x720.") from None


def run(options: Options, desk: Desk) -> Result:
    """Render and write every frame, `metadata.json` and the region masks.

    Raises:
        AnchorStageError: one sentence; frames already whole stay.
    """
    # Say what is wrong with the arguments before any work.
    _ = options.pixels, options.parsed_move
    absolute(options.scene)
    absolute(options.output)
    scene = desk.scenes.get(options.scene)
    watch = Stopwatch()
    start = _start(scene, options.camera)
    with watch.stage("all"):
        pictures = _pictures(scene, start, options, desk, watch)
        files = write_sequence(
            scene, pictures, Path(options.output), fps=options.fps, overwrite=options.overwrite
        )
    desk.progress(1.0, "Done")
    rendering = watch.seconds["render"]
    return {
        "output": options.output,
        "files": [str(path) for path in files],
        "frames": options.frames,
        "seconds": {"render": rendering, "write": round(watch.seconds["all"] - rendering, 4)},
        "fps": options.frames / max(rendering, _SHORTEST),
    }


def _start(scene: Scene, camera: str | None) -> Camera:
    known = [one.id for one in scene.cameras]
    if camera is not None and camera not in known:
        raise ArgumentError(
            f"The scene has no camera “{camera}”; choose one of {', '.join(known)}."
        )
    return scene.camera(camera)


def _pictures(
    scene: Scene, start: Camera, options: Options, desk: Desk, watch: Stopwatch
) -> Iterator[tuple[Camera, View, ProxyRender]]:
    """Render frame after frame, each when it is asked for."""
    width, height = options.pixels
    for index in range(options.frames):
        stage = f"Frame {index + 1} of {options.frames}"
        desk.progress(index / options.frames, stage)
        # A single frame is the end of its move.
        part = index / (options.frames - 1) if options.frames > 1 else 1.0
        camera = options.parsed_move.camera_at(start, part, pivot_distance(scene))
        view = camera.view(width, height)
        with watch.stage("render"):
            picture = render(scene.splats, view, drawing_options(scene), desk.progress)
        yield camera, view, picture


def tell(result: Result) -> Iterator[str]:
    """Tell a person where the frames are."""
    speed = f"{result['fps']:.1f} frames a second rendered"
    yield f"{result['frames']} frames in {result['output']} ({speed})"


JOB = Job(
    name="render",
    lane="long",
    sentence="Render a camera move to EXRs.",
    options=Options,
    run=run,
    tell=tell,
    gives="`output`, `files`, `frames`, `seconds` by stage, `fps` of the rendering",
)
