"""Named regions of a photo: sky, ground, upright and other planes, and what stands before them.

Planes are those that the estimate knows, or found among the points of a coarser grid. Everything is seeded: the same photo
gives the same regions.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from .. import planes
from ..depth import DepthEstimate
from ..errors import ArgumentError
from ..progress import Progress
from .record import Region

MOST_REGIONS = 10
_MOSTLY = 0.5  # of a cell
_LEAST_ISLAND = 0.002  # of the picture; smaller pieces go to their neighbours
_FOREGROUND_SHARE = 0.01


def find_regions(
    estimate: DepthEstimate, colours: np.ndarray, progress: Progress | None = None
) -> list[Region]:
    """Cut a photo into 1 to 10 regions whose masks are disjoint and cover every pixel.

    Args:
        estimate: depth, normals, sky and ground.
        colours: (H, W, 3) float32, sRGB-encoded, on the estimate's grid.
        progress: told 0..1, asked whether to stop.
    """
    if colours.shape[:2] != estimate.depth.shape:
        raise ArgumentError(
            f"The colours must lie on the depth's grid {estimate.depth.shape}, not {colours.shape[:2]}."
        )
    progress = progress or Progress()
    progress(0.0, "Finding regions")
    labels = np.full(estimate.depth.shape, -1, np.int32)
    named: list[tuple[str, np.ndarray | None]] = []
    for label, mask, plane in (
        ("sky", estimate.sky, None),
        ("ground", estimate.ground, np.array([0.0, 0, 1, 0])),
    ):
        if mask.mean() >= _LEAST_ISLAND:
            labels[mask] = len(named)
            named.append((label, plane))
    for label, mask, plane in _planes(
        estimate, labels < 0, MOST_REGIONS - 1 - len(named), progress
    ):
        labels[mask] = len(named)
        named.append((label, plane))
    rest = labels < 0
    if rest.mean() >= _FOREGROUND_SHARE or not named:
        labels[rest] = len(named)
        named.append(("foreground", None))
    progress(0.8, "Cleaning regions")
    return _records(_merge_islands(labels), named, estimate.confidence)


def label_map(regions: list[Region], shape: tuple[int, int]) -> np.ndarray:
    """Which region each pixel belongs to, by its index in the list; -1 where none.

    Args:
        regions: with masks of this shape; a later region wins where two overlap.
        shape: (H, W).

    Returns:
        (H, W) int32.
    """
    labels = np.full(shape, -1, np.int32)
    for index, region in enumerate(regions):
        if region.mask.shape != tuple(shape):
            raise ArgumentError(
                f"The mask of {region.id} is {region.mask.shape}, not {tuple(shape)}."
            )
        labels[region.mask] = index
    return labels


def _planes(
    estimate: DepthEstimate, free: np.ndarray, most: int, progress: Progress
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Label, mask and plane of each plane among the free pixels, largest first."""
    view, eye = estimate.view, estimate.view.position
    cells = planes.cells_of(view)
    share = planes.on_cells(free, cells)
    free_cells = share > _MOSTLY
    inverse = planes.on_cells(np.where(free, 1 / estimate.depth, 0), cells) / np.maximum(
        share, _MOSTLY
    )
    depth = 1 / np.where(free_cells, inverse, 1)
    normals = planes.window_normals(cells, depth, free_cells)
    found = estimate.planes
    if found is None:
        found = planes.find_planes(cells.unproject(depth), normals, free_cells, eye, most)
    if not len(found):
        return
    points = view.unproject(estimate.depth).astype(np.float32)
    reach = np.sqrt(np.square(points - eye.astype(np.float32)).sum(-1))
    least, whose = (
        np.full(free.shape, planes.COST_OF_NONE, np.float32),
        np.full(free.shape, -1, np.int32),
    )
    for index, plane in enumerate(found):
        progress(0.1 + 0.7 * index / len(found), "Finding regions")
        turned = cv2.resize(
            planes.angle_cost(plane, normals),
            (view.width, view.height),
            interpolation=cv2.INTER_LINEAR,
        )
        cost = planes.distance_cost(plane, points, reach) + turned
        whose[cost < least] = index
        np.minimum(least, cost, out=least)
    whose[~free] = -1
    indoors = not estimate.sky.any()
    shares = np.bincount(whose.ravel() + 1, minlength=len(found) + 1)[1:]
    for index in np.argsort(-shares, kind="stable")[:most]:
        upright = abs(found[index][2]) < planes.UPRIGHT
        yield (
            ("wall" if indoors else "facade") if upright else "plane",
            whose == index,
            found[index],
        )


def _merge_islands(labels: np.ndarray) -> np.ndarray:
    """Give pieces too small to be anything, and pixels without a label, to the nearest larger piece."""
    keep = np.zeros(labels.shape, bool)
    for value in np.unique(labels[labels >= 0]):
        _, pieces, stats, _ = cv2.connectedComponentsWithStats(
            (labels == value).astype(np.uint8), connectivity=4
        )
        large = stats[:, cv2.CC_STAT_AREA] >= _LEAST_ISLAND * labels.size
        large[0] = False
        keep |= large[pieces]
    if not keep.any():
        keep = labels >= 0
    nearest = cv2.distanceTransformWithLabels(
        (~keep).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    of_seed = np.zeros(int(nearest.max()) + 1, np.int32)
    of_seed[nearest[keep]] = labels[keep]
    return of_seed[nearest]


def _records(
    labels: np.ndarray, named: list[tuple[str, np.ndarray | None]], confidence: np.ndarray
) -> list[Region]:
    """Regions in the order they were found, numbered within each label; those that lost all pixels are left out."""
    regions, counts = [], dict[str, int]()
    for index, (label, plane) in enumerate(named):
        mask = labels == index
        if not mask.any():
            continue
        counts[label] = counts.get(label, 0) + 1
        name = label if label in ("sky", "ground") else f"{label}_{counts[label]:03d}"
        regions.append(Region(name, label, mask, plane, confidence=float(confidence[mask].mean())))
    return regions
