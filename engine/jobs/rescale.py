"""Rescale: one measured length makes the metres of a scene on disk true."""

from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from ..progress import Progress
from ..scene import Scene
from ..scene import rescale as rescaling
from ..scene.folder import save_parts
from ..scene.measuring import Measure
from ..store import absolute
from .summary import summary


@dataclass(frozen=True)
class RescaleOptions:
    """Which scene, and exactly one length that is known."""

    scene: str  # the scene's folder
    camera_height: float | None = None  # metres between the ground and the photo's eye
    distance: float | None = None  # metres in a straight line between the two points
    object_height: float | None = (
        None  # metres from the second point, a foot, straight up to the first
    )
    points: Any = None  # two of x, y in pixels of the upright photo, from its upper left corner

    @property
    def measure(self) -> Measure:
        """The length.

        Raises:
            ArgumentError: it, or a point, is not a number, or they do not make one length.
        """
        points = (
            None
            if self.points is None
            else tuple(tuple(map(_number, _parts(point))) for point in _parts(self.points))
        )
        height, distance, rise = (
            None if length is None else _number(length)
            for length in (self.camera_height, self.distance, self.object_height)
        )
        return Measure(height, distance, rise, points)  # type: ignore[arg-type]  # which says what is no pair of points


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
    """What a list holds, or a text between its commas."""
    if isinstance(value, str):
        return value.split(",")
    if not isinstance(value, (list, tuple)):
        raise ArgumentError(f"“{value}” is no point; write points as x,y in pixels of the photo.")
    return list(value)


def rescale(options: RescaleOptions, scene: Scene, progress: Progress) -> dict[str, Any]:
    """Scale the open scene and write it in its place.

    Args:
        options: what is known.
        scene: what `options.scene` holds.
        progress: told 0..1.

    Returns:
        The new scene's summary, with the `factor` by which it was scaled.

    Raises:
        AnchorStageError: one sentence; the old scene is whole then.
    """
    folder = absolute(options.scene)
    made, factor = rescaling.rescale(scene, options.measure, progress.part(0.0, 0.5))
    save_parts(made, folder, {"splats", "levels", "maps", "regions"}, progress.part(0.5, 1.0))
    return summary(made, folder) | {"factor": factor}
