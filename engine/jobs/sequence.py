"""Render a camera move to a sequence of EXRs from the command line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..camera import Camera, View
from ..errors import ArgumentError
from ..export.sequence import write_sequence
from ..moves import Move
from ..progress import Progress
from ..render import ProxyRender
from ..render.rasteriser import render
from ..scene import Scene
from ..scene.facts import pivot_distance
from ..stopwatch import Stopwatch
from .frames import frame_options

MOST_FRAMES = 100_000
FRAME_RATES = (0.01, 100_000)  # from a time lapse to the fastest cameras


@dataclass(frozen=True)
class SequenceOptions:
    """Which move, how long, how large, where to."""

    output: Path  # folder of the frames
    move: Move = field(default_factory=Move)
    frames: int = 1
    width: int = 1280  # pixels
    height: int = 720
    fps: float = 24.0
    camera: str | None = None  # id of the scene's camera that starts the move; None: the active one
    overwrite: bool = False  # replace frames of that name

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


def _start(scene: Scene, id: str | None) -> Camera:
    known = [camera.id for camera in scene.cameras]
    if id is not None and id not in known:
        raise ArgumentError(f"The scene has no camera “{id}”; choose one of {', '.join(known)}.")
    return scene.camera(id)


def render_sequence(scene: Scene, options: SequenceOptions, progress: Progress) -> dict[str, Any]:
    """Render and write every frame, `metadata.json` and the region masks.

    Returns:
        `output`, `files`, `frames`, `seconds` by stage, `fps` of the rendering.

    Raises:
        AnchorStageError: one sentence; frames already whole stay.
    """
    watch = Stopwatch()
    start = _start(scene, options.camera)

    def pictures() -> Iterator[tuple[Camera, View, ProxyRender]]:
        for index in range(options.frames):
            progress(index / options.frames, f"Frame {index + 1} of {options.frames}")
            part = index / max(options.frames - 1, 1) if options.frames > 1 else 1.0
            camera = options.move.camera_at(start, part, pivot_distance(scene))
            view = camera.view(options.width, options.height)
            with watch.stage("render"):
                picture = render(scene.splats, view, frame_options(scene), progress)
            yield camera, view, picture

    with watch.stage("all"):
        files = write_sequence(
            scene, pictures(), options.output, fps=options.fps, overwrite=options.overwrite
        )
    progress(1.0, "Done")
    seconds = {
        "render": watch.seconds["render"],
        "write": round(watch.seconds["all"] - watch.seconds["render"], 4),
    }
    return {
        "output": str(options.output),
        "files": [str(path) for path in files],
        "frames": options.frames,
        "seconds": seconds,
        "fps": options.frames / max(watch.seconds["render"], 1e-6),
    }
