"""Planes among points that know their normals: what is flat in a depth map.

RANSAC (Fischler and Bolles 1981), a trial being one point with its normal, one plane after the other; each is fitted to its
points, and upright or level where it nearly is. Planes that say nearly the same become one. Everything is seeded.
"""

import cv2
import numpy as np

from .camera import View

CELLS = 36_000  # of the grid that planes are found on
_SEED = 7
_POINTS = 9_000  # that RANSAC works on
_TRIALS = 150  # planes tried for each one found
_ROUNDS = 3  # of fitting a plane to its points
_NEAR = 0.06  # of the distance from the camera: points this close to a plane may belong to it
_SAME_WAY = np.radians(25)  # between a point's normal and its plane's
UPRIGHT = np.sin(np.radians(15))  # a plane whose normal rises less than this is upright
_LEVEL = np.cos(np.radians(15))
_LEAST_SHARE, _LEAST_SLOPED = (
    0.02,
    0.04,
)  # of the picture; smaller planes are none; sloped ones are seldom any
_ALIKE = (
    np.cos(np.radians(15)),
    0.6,
)  # planes whose normals and (in _NEAR) distances differ by less are one
_WINDOW = 7  # cells a side that a normal is fitted to
COST_OF_NONE = (
    1.5  # squared distance in _NEAR and angle in _SAME_WAY above which a point is no plane's
)
_AROUND = 2.0  # cells: standard deviation within which points agree on their plane
_LEAST_POINTS = 5
_TINY = 1e-9


def cells_of(view: View) -> View:
    """The grid that planes are found on: at most CELLS, with the view's aspect."""
    scale = min(1.0, (CELLS / (view.width * view.height)) ** 0.5)
    return view.resized(max(1, round(view.width * scale)), max(1, round(view.height * scale)))


def on_cells(values: np.ndarray, cells: View) -> np.ndarray:
    """Means (h, w) float32 of values (H, W) over a coarser grid's cells."""
    return cv2.resize(
        values.astype(np.float32), (cells.width, cells.height), interpolation=cv2.INTER_AREA
    )


def find_planes(
    points: np.ndarray, normals: np.ndarray, free: np.ndarray, eye: np.ndarray, most: int
) -> np.ndarray:
    """The largest planes, largest first.

    Args:
        points: (h, w, 3) world metres.
        normals: (h, w, 3) world, unit, towards the camera.
        free: (h, w) bool: which points count.
        eye: (3,) the camera's place.
        most: how many at most.

    Returns:
        (P, 4) a b c d: a x + b y + c z + d = 0 with unit normals towards the camera.
    """
    step = max(1, round((free.size / _POINTS) ** 0.5))
    thin = slice(None, None, step), slice(None, None, step)
    count = free[thin].size
    left = free[thin].ravel()
    points, normals = points[thin].reshape(-1, 3)[left], normals[thin].reshape(-1, 3)[left]
    points, normals = points.astype(np.float32), normals.astype(np.float32)
    rng = np.random.default_rng(_SEED)
    planes: list[np.ndarray] = []
    free_points, free_normals = points, normals
    while len(planes) < most and len(free_points) >= max(_LEAST_POINTS, _LEAST_SHARE * count):
        plane = _best(rng, free_points, free_normals, eye)
        mine = _members(plane, free_points, free_normals, eye)
        sloped = UPRIGHT <= abs(plane[2]) <= _LEVEL
        if mine.sum() < _LEAST_SHARE * count:
            break
        if not sloped or mine.sum() >= _LEAST_SLOPED * count:
            planes.append(plane)
        free_points, free_normals = free_points[~mine], free_normals[~mine]
    return _joined(planes, points, normals, eye)


def belonging(
    planes: np.ndarray, points: np.ndarray, normals: np.ndarray, free: np.ndarray, eye: np.ndarray
) -> np.ndarray:
    """Which plane each point belongs to, in agreement with those about it; -1 where none.

    Args:
        planes: (P, 4), as found.
        points: (h, w, 3) world metres.
        normals: (h, w, 3) world, unit, towards the camera.
        free: (h, w) bool: which points may belong to one.
        eye: (3,) the camera's place.

    Returns:
        (h, w) int32.
    """
    if not len(planes):
        return np.full(free.shape, -1, np.int32)
    away = np.linalg.norm(points - eye, axis=-1)
    costs = [distance_cost(plane, points, away) + angle_cost(plane, normals) for plane in planes]
    costs = [np.minimum(cost, 4 * COST_OF_NONE) for cost in costs]
    costs = [cv2.GaussianBlur(cost.astype(np.float32), (0, 0), _AROUND) for cost in costs]
    best = np.argmin([*costs, np.full(free.shape, COST_OF_NONE, np.float32)], axis=0)
    return np.where(free & (best < len(planes)), best, -1).astype(np.int32)


def window_normals(view: View, depth: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Normals of planes fitted to the inverse depth within windows of a grid: a depth map's bumps do not turn them.

    Of the windows about a cell it takes the one that its plane fits best (Kuwahara 1976): none reaches around a corner.

    Args:
        view: of the grid.
        depth: (h, w) planar metres.
        free: (h, w) bool: which cells count.

    Returns:
        (h, w, 3) float32, world, unit, towards the camera.
    """
    rays = view.rays().astype(np.float64)
    x, y, weight = rays[..., 0], rays[..., 1], free.astype(np.float64)
    inverse = np.where(free, 1 / depth, 0.0).astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return (
            cv2.boxFilter(values * weight, -1, (_WINDOW, _WINDOW), borderType=cv2.BORDER_CONSTANT)
            / count
        )

    count = np.maximum(
        cv2.boxFilter(weight, -1, (_WINDOW, _WINDOW), borderType=cv2.BORDER_CONSTANT), _TINY
    )
    mx, my, mi = mean(x), mean(y), mean(inverse)
    xx, yy, xy = mean(x * x) - mx * mx + _TINY, mean(y * y) - my * my + _TINY, mean(x * y) - mx * my
    xi, yi = mean(x * inverse) - mx * mi, mean(y * inverse) - my * mi
    # On the plane n . p = 1 the inverse depth is n . ray.
    determinant = xx * yy - xy * xy
    a, b = (xi * yy - yi * xy) / determinant, (yi * xx - xi * xy) / determinant
    left = (mean(inverse * inverse) - mi * mi - a * xi - b * yi) / np.maximum(mi * mi, _TINY)
    left = np.where(count * _WINDOW**2 < _LEAST_POINTS, np.inf, np.maximum(left, 0))
    normal = -np.stack([a, b, mi - a * mx - b * my], axis=-1)
    normal = _of_best_window(normal, left)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), _TINY)
    return (normal @ view.world_from_camera[:3, :3].T).astype(np.float32)


def _of_best_window(normal: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Normals (h, w, 3) of the windows about each cell that leave least unexplained, `left` (h, w)."""
    height, width = left.shape
    reach = _WINDOW // 2
    rows, columns = np.mgrid[:height, :width]
    best, least = normal, left
    for down in (-reach, 0, reach):
        for right in (-reach, 0, reach):
            at = np.clip(rows + down, 0, height - 1), np.clip(columns + right, 0, width - 1)
            better = left[at] < least
            best = np.where(better[..., None], normal[at], best)
            least = np.minimum(least, left[at])
    return best


def distance_cost(plane: np.ndarray, points: np.ndarray, away: np.ndarray) -> np.ndarray:
    """How far points (..., 3) are from a plane (4,), squared, in what is near; `away` (...) is their distance from the eye."""
    plane = plane.astype(points.dtype)
    return np.square((points @ plane[:3] + plane[3]) / (_NEAR * away))


def angle_cost(plane: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """How far normals (..., 3) are turned from a plane's (4,), squared, in what is the same way."""
    return np.square(
        np.arccos(np.clip(normals @ plane[:3].astype(normals.dtype), -1, 1))
        / normals.dtype.type(_SAME_WAY)
    )


def _members(
    plane: np.ndarray, points: np.ndarray, normals: np.ndarray, eye: np.ndarray
) -> np.ndarray:
    """(M,) bool: which points (M, 3) are near a plane and face its way."""
    away = np.linalg.norm(points - eye.astype(points.dtype), axis=-1)
    return (distance_cost(plane, points, away) < 1) & (angle_cost(plane, normals) < 1)


def _best(
    rng: np.random.Generator, points: np.ndarray, normals: np.ndarray, eye: np.ndarray
) -> np.ndarray:
    """The plane (4,) with the most points, fitted to them."""
    tried = rng.integers(0, len(points), _TRIALS)
    directions = np.array([_squared_up(normal) for normal in normals[tried]], np.float32)
    offsets = -(directions * points[tried]).sum(axis=1)
    reach = _NEAR * np.linalg.norm(points - eye.astype(np.float32), axis=1)
    near = np.abs(points @ directions.T + offsets) < reach[:, None]
    best = int((near & (normals @ directions.T > np.cos(_SAME_WAY))).sum(axis=0).argmax())
    plane = np.append(directions[best], offsets[best]).astype(np.float64)
    for _ in range(_ROUNDS):
        mine = _members(plane, points, normals, eye)
        if mine.sum() < _LEAST_POINTS:
            break
        plane = _fitted(points[mine], normals[mine], eye)
    return plane


def _fitted(points: np.ndarray, normals: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """The least-squares plane (4,) through points, errors relative to their distance; their normals' where it disagrees."""
    weight = 1 / np.square(points - eye).sum(axis=1)
    weight = (weight / weight.sum())[:, None]
    middle = (points * weight).sum(axis=0)
    mean = normals.mean(axis=0, dtype=np.float64)
    mean = _squared_up(mean / np.linalg.norm(mean))
    offset = (points - middle).astype(np.float64)
    spread = (offset * weight).T @ offset
    if mean[2] == 0:
        spread[2, :] = spread[:, 2] = 0
        spread[2, 2] = np.trace(spread) + _TINY  # no normal that rises is the least
    normal = mean if abs(mean[2]) == 1 else np.linalg.eigh(spread)[1][:, 0]
    normal = normal if normal @ mean > 0 else -normal
    normal = normal if normal @ mean > np.cos(_SAME_WAY) else mean
    return np.append(normal, -normal @ middle)


def _squared_up(normal: np.ndarray) -> np.ndarray:
    """A unit normal (3,), level or upright where it nearly is."""
    if abs(normal[2]) > _LEVEL:
        return np.array([0.0, 0.0, np.sign(normal[2])])
    if abs(normal[2]) < UPRIGHT:
        normal = normal * np.array([1, 1, 0])
        return normal / np.linalg.norm(normal)
    return normal


def _joined(
    planes: list[np.ndarray], points: np.ndarray, normals: np.ndarray, eye: np.ndarray
) -> np.ndarray:
    """(P, 4) planes, those made one that are nearly the same to the points of the smaller one."""
    kept: list[np.ndarray] = []
    for plane in planes:
        mine = _members(plane, points, normals, eye)
        reach = _NEAR * np.linalg.norm(points[mine] - eye, axis=1)
        for k, other in enumerate(kept):
            off = np.abs(points[mine] @ other[:3] + other[3]) / reach
            if plane[:3] @ other[:3] > _ALIKE[0] and np.median(off) < 1 + _ALIKE[1]:
                both = mine | _members(other, points, normals, eye)
                kept[k] = _fitted(points[both], normals[both], eye)
                break
        else:
            kept.append(plane)
    return np.array(kept).reshape(-1, 4)
