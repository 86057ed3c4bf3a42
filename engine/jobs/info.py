"""Info: what a scene on disk holds."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..options import option
from ..store import absolute
from .job import Desk, Job, Result
from .summary import SUMMARY, summary, told


@dataclass(frozen=True, kw_only=True)
class Options:
    """The scene."""

    scene: str = option("the scene's folder", positional=True)


def run(options: Options, desk: Desk) -> Result:
    """Summarise the scene.

    Raises:
        SceneError: it is missing, incomplete or damaged.
    """
    desk.progress(0.0, "Opening the scene")
    folder = absolute(options.scene)
    return summary(desk.scenes.get(folder), folder)


def tell(result: Result) -> Iterator[str]:
    """Tell a person what the scene holds."""
    yield from told(result)


JOB = Job(
    name="info",
    lane="quick",
    sentence="Say what a scene holds.",
    options=Options,
    run=run,
    tell=tell,
    gives=SUMMARY,
)
