"""Lock: choose the regions that later steps must leave as they are."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..errors import ArgumentError
from ..options import option
from ..scene.folder import save_parts
from ..store import absolute
from .job import Desk, Job, Result


@dataclass(frozen=True, kw_only=True)
class Options:
    """The scene, and its locked regions."""

    scene: str = option("the scene's folder", positional=True)
    locked: list[str] = option("the ids of the regions that are locked; all others are not")


def run(options: Options, desk: Desk) -> Result:
    """Lock these regions and unlock all others, in the scene's folder.

    Raises:
        ArgumentError: the scene has no region of that id.
        AnchorStageError: the scene cannot be read or written.
    """
    folder = absolute(options.scene)
    scene = desk.scenes.get(folder)
    wanted = set(options.locked)
    known = {region.id for region in scene.regions}
    for unknown in sorted(wanted - known):
        raise ArgumentError(f"The scene has no region “{unknown}”; open it again.")
    locked_now = {region.id for region in scene.regions if region.locked}
    if wanted != locked_now:
        regions = tuple(replace(region, locked=region.id in wanted) for region in scene.regions)
        scene = scene.with_(regions=regions)
        # Locks stand in scene.json, which every save writes; the files of all parts stay.
        save_parts(scene, folder, set(), desk.progress)
        desk.scenes.put(folder, scene)
    return {"locked": sorted(wanted)}


def tell(result: Result) -> Iterator[str]:
    """Tell a person which regions are locked now."""
    yield "locked: " + (", ".join(result["locked"]) or "none")


JOB = Job(
    name="lock",
    lane="quick",
    sentence="Choose which regions later steps leave as they are.",
    options=Options,
    run=run,
    tell=tell,
    gives="`locked`, the ids",
)
