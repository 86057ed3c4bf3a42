"""The scenes a worker has open: read once, read again when the folder changed."""

from pathlib import Path

from ..scene import Scene, open_scene
from ..store import absolute

KEPT = 2  # scenes; an artist compares two, more would only hold memory


class SceneCache:
    """The last few scenes, keyed by folder and the state of their files on disk."""

    def __init__(self) -> None:
        """Start empty."""
        self._scenes: dict[Path, tuple[tuple[int, ...], Scene]] = {}

    def get(self, folder: str | Path) -> Scene:
        """The scene in the folder.

        Raises:
            SceneError: as `open_scene`.
        """
        key = absolute(folder)
        stamp = self._stamp(key)
        kept = self._scenes.pop(key, None)
        scene = kept[1] if kept and kept[0] == stamp else open_scene(key)
        self._scenes[key] = (stamp, scene)
        while len(self._scenes) > KEPT:
            del self._scenes[next(iter(self._scenes))]
        return scene

    @staticmethod
    def _stamp(folder: Path) -> tuple[int, ...]:
        stamp: list[int] = []
        for name in ("scene.json", "splats.ply"):
            try:
                status = (folder / name).stat()
            except OSError:
                continue  # opening says what is missing
            stamp += [status.st_mtime_ns, status.st_size]
        return tuple(stamp)
