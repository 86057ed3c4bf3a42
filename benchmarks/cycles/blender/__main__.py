"""`python -m benchmarks.cycles.blender FOLDER NAME...` with the Python of a bpy wheel: writes FOLDER/NAME/MOVE.*.exr."""

import os
import sys
from pathlib import Path

from ..catalogue import scene
from .shoot import shoot


def main() -> None:
    """Shoot the scenes that are named."""
    folder, *names = sys.argv[1:]
    for name in names:
        shoot(scene(name), Path(folder) / name)


try:
    main()
    status = 0
except Exception:  # noqa: BLE001  # only to end with a status: bpy may hang where a process ends in the ordinary way
    sys.excepthook(*sys.exc_info())
    status = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
