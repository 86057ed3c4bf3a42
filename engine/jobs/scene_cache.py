"""The scenes that a worker has open: read once, read again when their folder changed."""

import threading
from pathlib import Path

from ..progress import Progress
from ..scene import Scene
from ..scene.folder import as_opened, open_scene
from ..scene.parts import levels
from ..store import absolute

KEPT = 2  # scenes; an artist compares two, more would only hold memory

_Stamp = tuple[int, ...]


class SceneCache:
    """The last few scenes, by folder and by the state of its files on disk. Any thread may ask."""

    def __init__(self) -> None:
        """Start empty."""
        self._scenes: dict[Path, tuple[_Stamp, Scene]] = {}
        self._fresh: set[Path] = set()  # whose scene is as it was made, not yet as it is read
        self._lock = threading.Lock()

    def get(self, folder: str | Path) -> Scene:
        """Return the scene in a folder.

        Raises:
            SceneError: as `open_scene`.
        """
        return self._entry(folder)[1]

    def put(self, folder: str | Path, scene: Scene) -> None:
        """Keep a scene that was just written to a folder, so that nobody reads it back."""
        key = absolute(folder)
        self._keep(key, _stamp(key), scene, fresh=True)

    def get_with_levels(self, folder: str | Path, progress: Progress) -> Scene:
        """Return the scene in a folder with its levels of detail.

        They are read, or built, where the scene has none yet.

        Raises:
            SceneError: as `open_scene`.
            Cancelled: through `progress`.
        """
        key = absolute(folder)
        stamp, scene = self._entry(folder)
        if scene.levels is None:
            # Levels are neither read from nor written to a folder that holds another scene by now.
            same = _stamp(key) == stamp
            scene = levels.read_or_build(key if same else None, scene, progress)
            self._keep(key, stamp, scene)
        return scene

    def _entry(self, folder: str | Path) -> tuple[_Stamp, Scene]:
        """The scene and the state of its files; two threads that ask at once may both open it."""
        key = absolute(folder)
        stamp = _stamp(key)
        with self._lock:
            kept = self._scenes.get(key)
            is_fresh = key in self._fresh
        if kept is None or kept[0] != stamp:
            scene = open_scene(Path(folder))
        else:
            scene = as_opened(kept[1]) if is_fresh else kept[1]
        self._keep(key, stamp, scene)
        return stamp, scene

    def _keep(self, key: Path, stamp: _Stamp, scene: Scene, fresh: bool = False) -> None:
        """Put a scene last, and forget the one that was asked for longest ago."""
        with self._lock:
            self._scenes.pop(key, None)
            self._scenes[key] = (stamp, scene)
            self._fresh = self._fresh | {key} if fresh else self._fresh - {key}
            while len(self._scenes) > KEPT:
                oldest = next(iter(self._scenes))
                del self._scenes[oldest]
                self._fresh.discard(oldest)


def _stamp(folder: Path) -> _Stamp:
    """Times and sizes of the files whose change means that the scene is another one."""
    stamp: list[int] = []
    for name in ("scene.json", "splats.ply"):
        try:
            status = (folder / name).stat()
        except OSError:
            continue  # opening says what is missing
        stamp += [status.st_mtime_ns, status.st_size]
    return tuple(stamp)
