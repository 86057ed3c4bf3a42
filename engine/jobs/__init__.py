"""The use cases, and the table by which Blender asks for them."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ..errors import ArgumentError
from ..freed import give_back
from ..progress import Progress
from ..store import absolute
from .frames import finish_frame, parse_view, render_frame, write_overlay
from .reconstruct import ReconstructOptions, reconstruct
from .rescale import RescaleOptions, rescale
from .scene_cache import SceneCache
from .sequence import SequenceOptions, render_sequence
from .summary import summary

Job = Callable[[dict[str, Any], SceneCache, Progress], dict[str, Any]]


def options_from(record_type: type, args: dict[str, Any]) -> Any:
    """An options record from plain arguments; None means the default.

    Raises:
        ArgumentError: an unknown or missing argument.
    """
    known = {field.name for field in fields(record_type)}
    unknown = sorted(set(args) - known)
    if unknown:
        raise ArgumentError(f"Unknown argument: {', '.join(unknown)}.")
    try:
        return record_type(**{name: value for name, value in args.items() if value is not None})
    except TypeError as error:
        raise ArgumentError(f"The arguments do not fit: {error}.") from error


def _reconstruct(args: dict[str, Any], scenes: SceneCache, progress: Progress) -> dict[str, Any]:
    try:
        return reconstruct(options_from(ReconstructOptions, args), progress)
    finally:
        give_back()


def _info(args: dict[str, Any], scenes: SceneCache, progress: Progress) -> dict[str, Any]:
    progress(0.0, "Opening the scene")
    return summary(scenes.get(args["scene"]), absolute(args["scene"]))


def _overlay(args: dict[str, Any], scenes: SceneCache, progress: Progress) -> dict[str, Any]:
    return write_overlay(scenes.get(args["scene"]), args["output"], progress)


def _frame(args: dict[str, Any], scenes: SceneCache, progress: Progress) -> dict[str, Any]:
    moving = args.get("moving", False)
    if not isinstance(moving, bool):
        raise ArgumentError(f"Whether the camera is moving must be true or false, not {moving}.")
    scene = scenes.get_with_levels(args["scene"], progress) if moving else scenes.get(args["scene"])
    return render_frame(scene, parse_view(args["view"]), args["output"], progress, moving)


def _rescale(args: dict[str, Any], scenes: SceneCache, progress: Progress) -> dict[str, Any]:
    options = options_from(RescaleOptions, args)
    return rescale(options, scenes.get(options.scene), progress)


def _finish(args: dict[str, Any], scenes: SceneCache, progress: Progress) -> dict[str, Any]:
    return finish_frame(scenes.get(args["scene"]), args, progress)


JOBS: dict[str, Job] = {
    "reconstruct": _reconstruct,
    "info": _info,
    "overlay": _overlay,
    "frame": _frame,
    "finish": _finish,
    "rescale": _rescale,
}


def run_job(
    name: str, args: dict[str, Any], scenes: SceneCache, progress: Progress
) -> dict[str, Any]:
    """Run a job by name.

    Raises:
        AnchorStageError: one sentence for the user.
    """
    if name not in JOBS:
        raise ArgumentError(
            f"The engine knows no job “{name}”; Blender's part and the engine's differ in version."
        )
    try:
        return JOBS[name](args, scenes, progress)
    except KeyError as error:
        if error.args and error.args[0] in ("scene", "view", "output", "path", "frame", "fps"):
            raise ArgumentError(f"The job “{name}” needs the argument {error}.") from error
        raise


__all__ = [
    "JOBS",
    "ReconstructOptions",
    "RescaleOptions",
    "SceneCache",
    "SequenceOptions",
    "options_from",
    "reconstruct",
    "render_sequence",
    "rescale",
    "run_job",
    "summary",
]
