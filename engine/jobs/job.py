"""The records of a job: what it is, and what it works with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..blobs import Blobs, LocalBlobs
from ..progress import Progress

if TYPE_CHECKING:
    from .scene_cache import SceneCache

# Quick jobs never wait for long ones: each kind has a lane of its own.
Lane = Literal["quick", "long"]

Result = dict[str, Any]


def _new_cache() -> "SceneCache":
    """Make an empty cache; `anchorstage --version` does not need what this loads."""
    from .scene_cache import SceneCache

    return SceneCache()


@dataclass(frozen=True)
class Desk:
    """The things that every job works with."""

    scenes: "SceneCache" = field(default_factory=_new_cache)
    blobs: Blobs = field(default_factory=LocalBlobs)
    progress: Progress = field(default_factory=Progress)

    @classmethod
    def local(
        cls,
        progress: Progress | None = None,
        scenes: "SceneCache | None" = None,
        lends: Mapping[str, str | Path] | None = None,
        wants: Mapping[str, str | Path] | None = None,
    ) -> "Desk":
        """Set up a desk for a caller on this machine."""
        return cls(scenes or _new_cache(), LocalBlobs(lends, wants), progress or Progress())


@dataclass(frozen=True)
class Job:
    """One use case. The command line, the wire and docs/api.md are derived from it."""

    name: str
    lane: Lane
    sentence: str  # what it does, for a person
    options: type  # a dataclass whose fields are declared by `engine.options.option`
    run: Callable[
        [Any, Desk], Result
    ]  # takes the options and the desk; raises AnchorStageError with one sentence
    tell: Callable[[Result], Iterator[str]]  # the lines that a person reads of the result
    gives: str  # the result's fields, for the reference
    lends: Mapping[str, str] = field(
        default_factory=dict
    )  # blobs that the caller lends: a sentence by name
    wants: Mapping[str, str] = field(
        default_factory=dict
    )  # blobs that the caller gets: a sentence by name
