"""Search of planes among points, by RANSAC (Fischler and Bolles 1981).

A trial is one point with its normal. The planes are found one after the other, each is fitted to
its points, and made upright or level where it nearly is. Planes that say nearly the same become
one. Everything is seeded: the same points give the same planes.
"""

import numpy as np

from .nearness import NEAR, SAME_WAY, UPRIGHT, members

_SEED = 7
_POINTS = 9_000  # that RANSAC works on, about
_TRIALS = 150  # planes tried for each one found
_ROUNDS = 3  # of fitting a plane to its points
_LEVEL = np.cos(np.radians(15))  # a plane whose unit normal rises more than this is level
_LEAST_SHARE = 0.02  # of the picture that a plane covers
_LEAST_SLOPED = 0.04  # of the picture that a plane neither upright nor level covers: few are real
_LEAST_POINTS = 5  # that a plane is fitted to
_SAME_NORMAL = np.cos(np.radians(15))  # cosine between the normals of planes that become one
# Median distance of one's points from the other, in NEAR, of planes that become one.
_SAME_DISTANCE = 1 + 0.6
_LEAST_COSINE = np.cos(SAME_WAY)  # between a point's normal and its plane's
_TINY = 1e-9


def find_planes(
    points: np.ndarray,
    normals: np.ndarray,
    free: np.ndarray,
    eye: np.ndarray,
    most: int,
) -> np.ndarray:
    """Find the largest planes among points.

    Args:
        points: (h, w, 3) world metres.
        normals: (h, w, 3) world, unit, towards the camera.
        free: (h, w) bool: which points count.
        eye: (3,) the camera's place.
        most: how many at most.

    Returns:
        (P, 4) a b c d, largest first, with unit normals towards the camera.
    """
    # Every few rows and columns are enough.
    surplus = free.size / _POINTS
    step = max(1, round(surplus**0.5))
    free = free[::step, ::step]
    points = _thinned(points, free, step)  # [M, 3]
    normals = _thinned(normals, free, step)

    least = _LEAST_SHARE * free.size
    least_sloped = _LEAST_SLOPED * free.size
    fewest = max(_LEAST_POINTS, least)
    rng = np.random.default_rng(_SEED)
    planes: list[np.ndarray] = []
    free_points = points
    free_normals = normals
    while len(planes) < most and len(free_points) >= fewest:
        plane = _best(rng, free_points, free_normals, eye)
        is_member = members(plane, free_points, free_normals, eye)
        count = is_member.sum()
        if count < least:
            break
        # The points of a small sloped plane are taken all the same, or it would be found again.
        is_sloped = UPRIGHT <= abs(plane[2]) <= _LEVEL
        if not is_sloped or count >= least_sloped:
            planes.append(plane)
        free_points = free_points[~is_member]
        free_normals = free_normals[~is_member]
    return _joined(planes, points, normals, eye)


def _thinned(vectors: np.ndarray, free: np.ndarray, step: int) -> np.ndarray:
    """Take every few vectors (h, w, 3) of those that a thinned mask marks, (M, 3) float32."""
    grid = vectors[::step, ::step]
    return grid[free].astype(np.float32)


def _best(
    rng: np.random.Generator,
    points: np.ndarray,
    normals: np.ndarray,
    eye: np.ndarray,
) -> np.ndarray:
    """Return the plane (4,) that most of the points (M, 3) belong to, fitted to them."""
    trials = rng.integers(0, len(points), _TRIALS)
    squared_up = [_squared_up(normal) for normal in normals[trials]]
    directions = np.array(squared_up, np.float32)  # [T, 3]
    products = directions * points[trials]
    offsets = -products.sum(axis=1)

    # Count the points near each trial's plane that face its way.
    from_eye = points - eye.astype(np.float32)
    reach = NEAR * np.linalg.norm(from_eye, axis=1)
    distances = points @ directions.T + offsets  # [M, T]
    distances = np.abs(distances)
    cosines = normals @ directions.T
    is_near = distances < reach[:, None]
    is_same_way = cosines > _LEAST_COSINE
    is_member = is_near & is_same_way
    counts = is_member.sum(axis=0)
    best = int(counts.argmax())
    plane = np.append(directions[best], offsets[best])
    plane = plane.astype(np.float64)

    # A fitted plane has other points than the trial, so it is fitted again.
    for _ in range(_ROUNDS):
        is_member = members(plane, points, normals, eye)
        if is_member.sum() < _LEAST_POINTS:
            break
        plane = _fitted(
            points[is_member],
            normals[is_member],
            eye,
        )
    return plane


def _fitted(points: np.ndarray, normals: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Fit a plane (4,) to points by least squares of errors relative to their distance.

    A level plane stays level and an upright one upright. The mean of the normals stands in for a
    plane that is turned too far from it.

    Args:
        points: (M, 3) world metres.
        normals: (M, 3) world, unit, towards the camera.
        eye: (3,) the camera's place.
    """
    # An error of depth grows with the distance.
    from_eye = points - eye
    distance_squared = np.square(from_eye).sum(axis=1)
    weight = 1 / distance_squared
    weight = weight / weight.sum()
    weight = weight[:, None]
    weighted = points * weight
    middle = weighted.sum(axis=0)

    mean_normal = normals.mean(axis=0, dtype=np.float64)
    mean_normal = mean_normal / np.linalg.norm(mean_normal)
    mean_normal = _squared_up(mean_normal)
    is_level = abs(mean_normal[2]) == 1
    is_upright = mean_normal[2] == 0

    # The normal is the direction in which the points are spread least.
    offset = points - middle
    offset = offset.astype(np.float64)
    weighted = offset * weight
    spread = weighted.T @ offset  # [3, 3]
    if is_upright:
        # Make the vertical the direction of most spread: no normal that rises is the least.
        spread[2, :] = 0
        spread[:, 2] = 0
        most_spread = np.trace(spread)
        spread[2, 2] = most_spread + _TINY
    normal = mean_normal
    if not is_level:
        _, directions = np.linalg.eigh(spread)
        normal = directions[:, 0]
    cosine = normal @ mean_normal
    normal = normal if cosine > 0 else -normal
    cosine = normal @ mean_normal
    normal = normal if cosine > _LEAST_COSINE else mean_normal
    return np.append(normal, -normal @ middle)


def _squared_up(normal: np.ndarray) -> np.ndarray:
    """Make a unit normal (3,) level or upright where it nearly is."""
    rise = normal[2]
    if abs(rise) > _LEVEL:
        return np.array([0.0, 0.0, np.sign(rise)])
    if abs(rise) < UPRIGHT:
        level = normal * np.array([1, 1, 0])
        return level / np.linalg.norm(level)
    return normal


def _joined(
    planes: list[np.ndarray],
    points: np.ndarray,
    normals: np.ndarray,
    eye: np.ndarray,
) -> np.ndarray:
    """Make planes one that are nearly the same, and return (P, 4)."""
    kept: list[np.ndarray] = []
    for plane in planes:
        is_member = members(plane, points, normals, eye)
        index = _alike(plane, kept, points[is_member], eye)
        if index is None:
            kept.append(plane)
            continue
        is_member |= members(kept[index], points, normals, eye)
        kept[index] = _fitted(
            points[is_member],
            normals[is_member],
            eye,
        )
    return np.array(kept).reshape(-1, 4)


def _alike(
    plane: np.ndarray,
    others: list[np.ndarray],
    points: np.ndarray,
    eye: np.ndarray,
) -> int | None:
    """Return the place of the first plane that is nearly the same to a plane's points (M, 3)."""
    from_eye = points - eye
    reach = NEAR * np.linalg.norm(from_eye, axis=1)
    normal = plane[:3]
    for index, other in enumerate(others):
        other_normal = other[:3]
        cosine = normal @ other_normal
        distances = points @ other_normal + other[3]
        distances = np.abs(distances) / reach
        is_same_way = cosine > _SAME_NORMAL
        if is_same_way and np.median(distances) < _SAME_DISTANCE:
            return index
    return None
