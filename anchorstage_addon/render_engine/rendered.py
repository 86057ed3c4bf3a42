"""The frame rendered last in each scene: finishing writes exactly this camera into the EXR."""

from dataclasses import dataclass
from typing import Any

from .. import session


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


class Frames:
    """The last frames, by the name of Blender's scene; objects do not survive in another thread."""

    def __init__(self) -> None:
        self.last: dict[str, Rendered] = {}
        # Why the last frame's file could not be written.
        self.failures: dict[str, str] = {}


def keep(scene_name: str, rendered: Rendered) -> None:
    """Remember a frame that is complete."""
    session.of(Frames).last[scene_name] = rendered


def take(scene_name: str, frame: int) -> Rendered | None:
    """Return the frame, if it was the last one rendered in that scene; it is forgotten."""
    rendered = session.of(Frames).last.pop(scene_name, None)
    return rendered if rendered is not None and rendered.frame == frame else None


def forget(scene_name: str) -> None:
    """Forget a frame that will have no file: its render was refused or stopped."""
    session.of(Frames).last.pop(scene_name, None)


def fail(scene_name: str, sentence: str) -> None:
    """Keep why a frame's file could not be written: the frames after it would fare the same."""
    session.of(Frames).failures[scene_name] = sentence


def failure(scene_name: str) -> str:
    """Return why an earlier frame of this animation has no file; empty where all is well."""
    return session.of(Frames).failures.get(scene_name, "")


def begin(scene_name: str) -> None:
    """Begin a new render or animation: it may succeed where the last one failed."""
    session.of(Frames).failures.pop(scene_name, None)
