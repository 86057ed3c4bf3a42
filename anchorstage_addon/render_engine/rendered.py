"""What was rendered last in each scene: the finishing step writes exactly this camera into the EXR's header."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shot:
    """One eye of one frame."""

    view: dict[str, Any]  # the wire's view of the file that Blender writes
    camera: dict[str, Any]  # the engine's camera record


@dataclass(frozen=True)
class Rendered:
    """One frame of a scene."""

    frame: int
    folder: str  # of the AnchorStage scene
    shots: dict[str, Shot]  # by the suffix that stereo files have; "" for the only one


_failed: dict[str, str] = {}  # by the same name: why the last frame's file could not be written
_last: dict[
    str, Rendered
] = {}  # by the name of Blender's scene; objects do not survive in another thread


def keep(scene_name: str, rendered: Rendered) -> None:
    """Remember a frame that is complete."""
    _last[scene_name] = rendered


def take(scene_name: str, frame: int) -> Rendered | None:
    """The frame, if it was the last one rendered in that scene; it is forgotten."""
    rendered = _last.pop(scene_name, None)
    return rendered if rendered is not None and rendered.frame == frame else None


def forget(scene_name: str) -> None:
    """The frame will have no file: its render was refused or stopped."""
    _last.pop(scene_name, None)


def fail(scene_name: str, sentence: str) -> None:
    """Keep why a frame's file could not be written: the frames after it would fare the same."""
    _failed[scene_name] = sentence


def failure(scene_name: str) -> str:
    """Why an earlier frame of this animation could not be written; empty where all is well."""
    return _failed.get(scene_name, "")


def begin(scene_name: str) -> None:
    """A new render or animation begins."""
    _failed.pop(scene_name, None)
