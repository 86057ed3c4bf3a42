"""Overlay: the splats as rows of numbers that the viewport draws."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..geometry import quaternion_to_matrix
from ..options import option
from ..splats import Splats
from ..store import atomic_path
from .job import Desk, Job, Result

# The upper triangle of a symmetric matrix, row by row: xx xy xz yy yz zz.
_TRIANGLE = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


@dataclass(frozen=True, kw_only=True)
class Options:
    """The scene."""

    scene: str = option("the scene's folder", positional=True)


def run(options: Options, desk: Desk) -> Result:
    """Write the overlay's rows as a .npy file.

    Raises:
        SceneError: the scene is missing, incomplete or damaged.
        OutputError: the place cannot be written to.
    """
    splats = desk.scenes.get(options.scene).splats
    desk.progress(0.0, "Preparing the viewport")
    with atomic_path(desk.blobs.target("rows")) as temporary, open(temporary, "wb") as file:
        np.save(file, overlay_rows(splats))
    return {"count": len(splats)}


def overlay_rows(splats: Splats) -> np.ndarray:
    """Return a row a splat, in metres, world.

    Returns:
        (N, 16) float32: x y z opacity, covariance xx xy xz yy yz zz in m^2, region, confidence, r g
        b, origin.
    """
    # A covariance is M M^T, where M holds the splat's axes, each as long as its standard deviation.
    axes = quaternion_to_matrix(splats.rotations) * splats.scales[:, None, :]  # [N, 3, 3]
    covariance = axes @ axes.transpose(0, 2, 1)  # [N, 3, 3]
    rows = np.empty((len(splats), 16), np.float32)
    rows[:, 0:3] = splats.positions
    rows[:, 3] = splats.opacities
    for column, (i, j) in enumerate(_TRIANGLE, start=4):
        rows[:, column] = covariance[:, i, j]
    rows[:, 10] = splats.region
    rows[:, 11] = splats.confidence
    rows[:, 12:15] = splats.colors
    rows[:, 15] = splats.origin
    return rows


def tell(result: Result) -> Iterator[str]:
    """Tell a person how many rows there are."""
    yield f"{result['count']:,} rows"


JOB = Job(
    name="overlay",
    lane="quick",
    sentence="Write a scene's splats as the rows that the viewport draws.",
    options=Options,
    run=run,
    tell=tell,
    gives="`count`",
    wants={
        "rows": (
            "a .npy, (N, 16) float32: x y z opacity, covariance xx xy xz yy yz zz, region, "
            "confidence, r g b, origin"
        )
    },
)
