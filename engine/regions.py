"""Named regions of a photo: sky, ground, upright and other planes, and what stands before them.

Planes are found by RANSAC (Fischler and Bolles 1981) on a thinned grid of metric points with their normals, one after
the other, and grown back to the whole grid. Everything is seeded: the same photo gives the same regions.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .depth import DepthEstimate
from .errors import ArgumentError
from .progress import Progress

MOST_REGIONS = 10
_SEED = 7
_THIN_PIXELS = 40_000  # points that RANSAC works on
_TRIALS = 200  # planes tried for each one found
_NEAR = 0.02  # of the distance from the camera: points this close to a plane belong to it
_SAME_WAY = np.cos(np.radians(20))  # between a point's normal and its plane's
_UPRIGHT = np.sin(np.radians(15))  # a plane whose normal rises less than this is a wall
_LEAST_SHARE = 0.02  # of the picture; smaller planes are no regions
_LEAST_ISLAND = 0.002  # of the picture; smaller pieces go to their neighbours
_FOREGROUND_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Region:
    """A named part of the photo."""

    id: str  # "sky", "ground", or a label and a number: "facade_001"
    label: str  # "sky", "ground", "facade", "wall", "plane" or "foreground"
    mask: np.ndarray  # (H, W) bool
    plane: np.ndarray | None = None  # (4,) a b c d in the world: a x + b y + c z + d = 0, unit normal towards the camera
    locked: bool = False  # whether later steps must leave it as it is
    confidence: float = 0.0  # 0..1, mean of its pixels


def find_regions(estimate: DepthEstimate, colours: np.ndarray, progress: Progress | None = None) -> list[Region]:
    """Cut a photo into 1 to 10 regions whose masks are disjoint and cover every pixel.

    Args:
        estimate: depth, normals, sky and ground.
        colours: (H, W, 3) float32, sRGB-encoded, on the estimate's grid.
        progress: told 0..1, asked whether to stop.
    """
    if colours.shape[:2] != estimate.depth.shape:
        raise ArgumentError(f"The colours must lie on the depth's grid {estimate.depth.shape}, not {colours.shape[:2]}.")
    progress = progress or Progress()
    progress(0.0, "Finding regions")
    labels = np.full(estimate.depth.shape, -1, np.int32)
    named: list[tuple[str, np.ndarray | None]] = []
    for label, mask, plane in (("sky", estimate.sky, None), ("ground", estimate.ground, np.array([0.0, 0, 1, 0]))):
        if mask.mean() >= _LEAST_ISLAND:
            labels[mask] = len(named)
            named.append((label, plane))
    points = estimate.view.unproject(estimate.depth).astype(np.float32)
    for label, mask, plane in _planes(estimate, points, labels < 0, MOST_REGIONS - 1 - len(named), progress):
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
            raise ArgumentError(f"The mask of {region.id} is {region.mask.shape}, not {tuple(shape)}.")
        labels[region.mask] = index
    return labels


def _planes(
    estimate: DepthEstimate, points: np.ndarray, free: np.ndarray, most: int, progress: Progress
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Label, mask and plane of the largest planes among the free pixels, largest first."""
    rng = np.random.default_rng(_SEED)
    step = max(1, round((free.size / _THIN_PIXELS) ** 0.5))
    eye = estimate.view.position
    thin = (slice(None, None, step), slice(None, None, step))
    left, some, facing = free[thin].ravel(), points[thin].reshape(-1, 3), estimate.normal[thin].reshape(-1, 3)
    reach = np.linalg.norm(some - eye, axis=1) * _NEAR
    indoors = not estimate.sky.any()
    found = []
    for turn in range(most):
        progress(0.1 + 0.7 * turn / most, "Finding regions")
        plane = _best_plane(rng, some[left], facing[left], reach[left])
        if plane is None or _belongs(plane, some[left], facing[left], reach[left]).sum() < _LEAST_SHARE * len(left):
            break
        left &= ~_belongs(plane, some, facing, reach)
        mask = free & _belongs(plane, points, estimate.normal, np.linalg.norm(points - eye, axis=-1) * _NEAR)
        free = free & ~mask
        upright = abs(plane[2]) < _UPRIGHT
        found.append((("wall" if indoors else "facade") if upright else "plane", mask, plane))
    return found


def _best_plane(rng: np.random.Generator, points: np.ndarray, normals: np.ndarray, reach: np.ndarray) -> np.ndarray | None:
    """The plane (4,) with the most points, refitted to them; None where there are too few.

    A trial is one point with its normal: depth maps know their normals, so three points are not needed.
    """
    if len(points) < 3:
        return None
    tried = rng.integers(0, len(points), _TRIALS)
    planes = np.column_stack([normals[tried], -(normals[tried] * points[tried]).sum(axis=1)])
    distance = np.abs(points @ planes[:, :3].T + planes[:, 3])
    votes = ((distance < reach[:, None]) & (normals @ planes[:, :3].T > _SAME_WAY)).sum(axis=0)
    best = planes[int(votes.argmax())]
    mine = _belongs(best, points, normals, reach)
    return _fit(points[mine], best) if mine.sum() >= 3 else None


def _belongs(plane: np.ndarray, points: np.ndarray, normals: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Which points (..., 3) lie on a plane and face its way."""
    plane = plane.astype(points.dtype)
    return (np.abs(points @ plane[:3] + plane[3]) < reach) & (normals @ plane[:3] > _SAME_WAY)


def _fit(points: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The least-squares plane (4,) through points, facing like another; that other where the points say less."""
    middle = points.mean(axis=0, dtype=np.float64)
    offset = points - middle
    normal = np.linalg.eigh(offset.T @ offset)[1][:, 0]
    normal = normal if normal @ like[:3] > 0 else -normal
    return np.append(normal, -normal @ middle) if normal @ like[:3] > _SAME_WAY else like.astype(float)


def _merge_islands(labels: np.ndarray) -> np.ndarray:
    """Give pieces too small to be anything, and pixels without a label, to the nearest larger piece."""
    keep = np.zeros(labels.shape, bool)
    for value in np.unique(labels[labels >= 0]):
        _, pieces, stats, _ = cv2.connectedComponentsWithStats((labels == value).astype(np.uint8), connectivity=4)
        large = stats[:, cv2.CC_STAT_AREA] >= _LEAST_ISLAND * labels.size
        large[0] = False
        keep |= large[pieces]
    if not keep.any():
        keep = labels >= 0
    nearest = cv2.distanceTransformWithLabels((~keep).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)[1]
    of_seed = np.zeros(int(nearest.max()) + 1, np.int32)
    of_seed[nearest[keep]] = labels[keep]
    return of_seed[nearest]


def _records(labels: np.ndarray, named: list[tuple[str, np.ndarray | None]], confidence: np.ndarray) -> list[Region]:
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
