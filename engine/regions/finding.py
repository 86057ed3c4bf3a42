"""Named regions of a photo: sky, ground, upright and other planes, and the foreground.

Planes are those that the estimate knows, or found among the points of a coarser grid. Everything is
seeded: the same photo gives the same regions.
"""

from typing import NamedTuple

import cv2
import numpy as np

from .. import planes
from ..camera import View
from ..depth import DepthEstimate
from ..errors import ArgumentError
from ..progress import Progress
from .record import Region

MOST_REGIONS = 10
_MOSTLY = 0.5  # of a cell that must be free for the cell to be
_LEAST_ISLAND = 0.002  # of the picture; smaller pieces go to their neighbours
_LEAST_FOREGROUND = 0.01  # of the picture
_FLOOR = np.array([0.0, 0, 1, 0])  # the plane of the ground
_ONLY_ONE = ("sky", "ground")  # labels that carry no number


class _Part(NamedTuple):
    """A part of the photo before it is a region."""

    label: str
    mask: np.ndarray  # (H, W) bool
    plane: np.ndarray | None  # (4,)


def find_regions(
    estimate: DepthEstimate,
    colours: np.ndarray,
    progress: Progress | None = None,
) -> list[Region]:
    """Cut a photo into 1 to 10 regions whose masks are disjoint and cover every pixel.

    Args:
        estimate: depth, normals, sky and ground.
        colours: (H, W, 3) float32, sRGB-encoded, on the estimate's grid.
        progress: told 0..1, asked whether to stop.

    Raises:
        ArgumentError: the colours lie on another grid.
    """
    shape = estimate.depth.shape
    if colours.shape[:2] != shape:
        raise ArgumentError(
            f"The colours must lie on the depth's grid {shape}, not {colours.shape[:2]}."
        )
    progress = progress or Progress()
    progress(0.0, "Finding regions")

    # Sky and ground are known; planes are found among the rest.
    parts = _known_parts(estimate)
    free = _uncovered(parts, shape)
    most = MOST_REGIONS - 1 - len(parts)
    parts += _plane_parts(estimate, free, most, progress)

    # Some pixels are left: they are the foreground, or go to the nearest region.
    rest = _uncovered(parts, shape)
    if rest.mean() >= _LEAST_FOREGROUND or not parts:
        parts.append(_Part("foreground", rest, None))

    progress(0.8, "Cleaning regions")
    labels = np.full(shape, -1, np.int32)
    for index, part in enumerate(parts):
        labels[part.mask] = index  # a later part wins where two overlap
    labels = _merge_islands(labels)
    return _records(labels, parts, estimate.confidence)


def label_map(regions: list[Region], shape: tuple[int, int]) -> np.ndarray:
    """Map each pixel to the region it belongs to.

    Args:
        regions: with masks of this shape; a later region wins where two overlap.
        shape: (H, W).

    Returns:
        (H, W) int32, the region's place in the list; -1 where none.

    Raises:
        ArgumentError: a mask has another shape.
    """
    labels = np.full(shape, -1, np.int32)
    for index, region in enumerate(regions):
        mask = region.mask
        if mask.shape != labels.shape:
            raise ArgumentError(f"The mask of {region.id} is {mask.shape}, not {labels.shape}.")
        labels[mask] = index
    return labels


def _known_parts(estimate: DepthEstimate) -> list[_Part]:
    """Return sky and ground, each if it is large enough."""
    sky = _Part("sky", estimate.sky, None)
    ground = _Part("ground", estimate.ground, _FLOOR.copy())
    parts = [sky, ground]
    return [part for part in parts if part.mask.mean() >= _LEAST_ISLAND]


def _uncovered(parts: list[_Part], shape: tuple[int, ...]) -> np.ndarray:
    """Mark the pixels (H, W) that belong to no part."""
    free = np.ones(shape, bool)
    for part in parts:
        free &= ~part.mask
    return free


def _plane_parts(
    estimate: DepthEstimate,
    free: np.ndarray,
    most: int,
    progress: Progress,
) -> list[_Part]:
    """Find the planes among the free pixels (H, W), largest first."""
    cells = planes.cells_of(estimate.view)
    depth, free_cells = _cell_depth(estimate.depth, free, cells)
    normals = planes.window_normals(cells, depth, free_cells)
    found = estimate.planes
    if found is None:
        found = planes.find_planes(
            cells.unproject(depth),
            normals,
            free_cells,
            estimate.view.position,
            most,
        )
    if not len(found):
        return []
    whose = _nearest_plane(estimate, found, normals, progress)
    whose[~free] = -1

    has_plane = whose >= 0
    counts = np.bincount(whose[has_plane], minlength=len(found))
    largest_first = np.argsort(-counts, kind="stable")
    upright_label = "facade" if estimate.sky.any() else "wall"
    parts = []
    for index in largest_first[:most]:
        plane = found[index]
        is_upright = abs(plane[2]) < planes.UPRIGHT
        label = upright_label if is_upright else "plane"
        parts.append(_Part(label, whose == index, plane))
    return parts


def _cell_depth(
    depth: np.ndarray,
    free: np.ndarray,
    cells: View,
) -> tuple[np.ndarray, np.ndarray]:
    """Average the inverse depth of the free pixels in each cell.

    Args:
        depth: (H, W) metres.
        free: (H, W) bool.
        cells: a coarser grid of the same picture.

    Returns:
        (h, w) metres, 1 in cells that are not free; and (h, w) bool, the free cells.
    """
    share = planes.on_cells(free, cells)
    free_cells = share > _MOSTLY
    # Inverse depth is linear in the picture on any plane, so its mean lies on the plane too.
    inverse = np.where(free, 1 / depth, 0)
    inverse = planes.on_cells(inverse, cells)
    inverse = inverse / np.maximum(share, _MOSTLY)
    inverse = np.where(free_cells, inverse, 1)
    return 1 / inverse, free_cells


def _nearest_plane(
    estimate: DepthEstimate,
    found: np.ndarray,
    normals: np.ndarray,
    progress: Progress,
) -> np.ndarray:
    """Find the plane that each pixel belongs to by its distance and its cell's normal.

    Args:
        estimate: depth and view.
        found: (P, 4).
        normals: (h, w, 3) of the cells.
        progress: told 0.1..0.8.

    Returns:
        (H, W) int32, the plane's row; -1 where none is near.
    """
    view = estimate.view
    points = view.unproject(estimate.depth).astype(np.float32)  # [H, W, 3], metres, world
    from_eye = points - view.position.astype(np.float32)
    distance_squared = np.square(from_eye).sum(-1)
    eye_distance = np.sqrt(distance_squared)

    # A pixel of which no plane is nearer than the cost of none stays without.
    shape = estimate.depth.shape
    least = np.full(shape, planes.COST_OF_NONE, np.float32)
    whose = np.full(shape, -1, np.int32)
    for index, plane in enumerate(found):
        progress(0.1 + 0.7 * index / len(found), "Finding regions")
        # Normals are steadier on the cells, distances sharper on the pixels.
        turned = cv2.resize(
            planes.angle_cost(plane, normals),
            (view.width, view.height),
            interpolation=cv2.INTER_LINEAR,
        )
        cost = planes.distance_cost(plane, points, eye_distance)
        cost += turned
        whose[cost < least] = index
        np.minimum(least, cost, out=least)
    return whose


def _merge_islands(labels: np.ndarray) -> np.ndarray:
    """Give small pieces, and pixels without a label, to the nearest larger piece.

    Args:
        labels: (H, W) int32, -1 where none.

    Returns:
        (H, W) int32, a label everywhere.
    """
    keep = np.zeros(labels.shape, bool)
    for value in np.unique(labels[labels >= 0]):
        keep |= _large_pieces(labels == value)
    if not keep.any():
        keep = labels >= 0

    # Each pixel asks for the label of the nearest one that is kept.
    _, seeds = cv2.distanceTransformWithLabels(
        (~keep).astype(np.uint8),
        cv2.DIST_L2,
        3,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    seed_count = int(seeds.max()) + 1
    label_of_seed = np.zeros(seed_count, np.int32)
    label_of_seed[seeds[keep]] = labels[keep]
    return label_of_seed[seeds]


def _large_pieces(mask: np.ndarray) -> np.ndarray:
    """Keep the pieces of a mask (H, W) that are large enough to be a region."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8),
        connectivity=4,
    )
    areas = stats[:, cv2.CC_STAT_AREA]
    is_large = areas >= _LEAST_ISLAND * mask.size
    is_large[0] = False  # the number of what the mask leaves out
    return is_large[pieces]


def _records(
    labels: np.ndarray,
    parts: list[_Part],
    confidence: np.ndarray,
) -> list[Region]:
    """Make regions of parts, numbered within each label; those that lost all pixels are left out.

    Args:
        labels: (H, W) int32, each pixel's part.
        parts: in the order of the regions.
        confidence: (H, W) of the pixels.
    """
    regions = []
    counts = dict[str, int]()
    for index, part in enumerate(parts):
        mask = labels == index
        if not mask.any():
            continue
        label = part.label
        number = counts.get(label, 0) + 1
        counts[label] = number
        region = Region(
            id=label if label in _ONLY_ONE else f"{label}_{number:03d}",
            label=label,
            mask=mask,
            plane=part.plane,
            confidence=float(confidence[mask].mean()),
        )
        regions.append(region)
    return regions
