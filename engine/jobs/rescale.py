"""Rescale: one measured length makes the metres of a scene on disk true."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import ArgumentError
from ..options import option
from ..scene import rescale as rescaling
from ..scene.folder import Part, save_parts
from ..scene.measuring import Measure
from ..store import absolute
from .job import Desk, Job, Result
from .summary import SUMMARY, summary, told

# The parts of a scene that scaling changes.
CHANGED: set[Part] = {"splats", "levels", "maps", "regions"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The scene, and exactly one length that is known."""

    scene: str = option("the scene's folder", positional=True)
    camera_height: float | None = option(
        "metres between the ground and the photo's camera", None, metavar="M", group="length"
    )
    distance: float | None = option(
        "metres between the two points", None, metavar="M", group="length"
    )
    object_height: float | None = option(
        "metres from the second point straight up to the first", None, metavar="M", group="length"
    )
    points: list | None = option(
        "two points in pixels of the photo; for a height top, then foot",
        None,
        metavar="X,Y",
        count=2,
    )

    @cached_property
    def measure(self) -> Measure:
        """The length.

        Raises:
            ArgumentError: a point is not a number, or they do not make one length.
        """
        points: Any = None
        if self.points is not None:
            points = tuple(tuple(_number(part) for part in _parts(point)) for point in self.points)
        # The record says what is no pair of points.
        return Measure(self.camera_height, self.distance, self.object_height, points)


def _number(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(
            f"“{value}” is not a number; give lengths in metres and points in pixels."
        ) from None


def _parts(value: Any) -> list[Any]:
    """Split a text at its commas; a list is split already."""
    if isinstance(value, str):
        return value.split(",")
    if not isinstance(value, (list, tuple)):
        raise ArgumentError(f"“{value}” is no point; write points as x,y in pixels of the photo.")
    return list(value)


def run(options: Options, desk: Desk) -> Result:
    """Scale the scene and write it in its place.

    Raises:
        AnchorStageError: one sentence; the old scene is whole then.
    """
    measure = options.measure  # says what is wrong with it before any work
    folder = absolute(options.scene)
    scene = desk.scenes.get(folder)
    scaled, factor = rescaling.rescale(scene, measure, desk.progress.part(0.0, 0.5))
    save_parts(scaled, folder, CHANGED, desk.progress.part(0.5, 1.0))
    desk.scenes.put(folder, scaled)
    return summary(scaled, folder) | {"factor": factor}


def tell(result: Result) -> Iterator[str]:
    """Tell a person how much the scene grew."""
    yield f"the scene is {result['factor']:.4g} times as large as it was"
    yield from told(result)


JOB = Job(
    name="rescale",
    lane="long",
    sentence="Make the metres of a scene true by one measured length.",
    options=Options,
    run=run,
    tell=tell,
    gives=f"{SUMMARY}, and the `factor` by which it was scaled",
)
