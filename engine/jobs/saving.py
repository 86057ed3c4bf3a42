"""The end of every job that makes a scene: it gets a name, is saved, kept open and summarised."""

from pathlib import Path

from ..scene import Scene
from ..scene.folder import save
from ..stopwatch import Stopwatch
from ..store import one_line
from .job import Desk, Result
from .summary import summary


def saved(scene: Scene, folder: Path, overwrite: bool, watch: Stopwatch, desk: Desk) -> Result:
    """Write a scene under its folder's name and summarise it.

    Args:
        scene: as its maker gave it.
        folder: where it is written.
        overwrite: whether it may replace a scene that is there.
        watch: notes the seconds.
        desk: whose progress is told 0.85..1, and which keeps the scene for the jobs that follow.

    Returns:
        The scene's summary, with `seconds` by stage.

    Raises:
        OutputError: the place cannot be written to.
    """
    scene = scene.with_(name=one_line(folder.stem))
    with watch.stage("save"):
        save(scene, folder, overwrite, desk.progress.part(0.85, 1.0))
    desk.scenes.put(folder, scene)
    return summary(scene, folder) | {"seconds": watch.seconds}
