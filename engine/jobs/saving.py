"""The end of every job that makes a scene: it is saved, and its summary told."""

from pathlib import Path
from typing import Any

from ..progress import Progress
from ..scene import Scene
from ..scene.folder import save
from ..stopwatch import Stopwatch
from .summary import summary


def saved(
    scene: Scene, folder: Path, overwrite: bool, watch: Stopwatch, progress: Progress
) -> dict[str, Any]:
    """Write a scene and summarise it.

    Args:
        scene: with its name.
        folder: where it is written.
        overwrite: whether it may replace a scene that is there.
        watch: notes the seconds.
        progress: told 0.85..1.

    Returns:
        The scene's summary, with `seconds` by stage.

    Raises:
        OutputError: the place cannot be written to.
    """
    with watch.stage("save"):
        save(scene, folder, overwrite, progress.part(0.85, 1.0))
    return summary(scene, folder) | {"seconds": watch.seconds}
