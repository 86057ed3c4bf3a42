"""Nearness of points to planes: by distance, by direction of normals, and by their neighbours."""

import cv2
import numpy as np

# Of the distance from the camera: points this close to a plane may belong to it.
NEAR = 0.06
SAME_WAY = np.radians(25)  # between a point's normal and its plane's, at most
UPRIGHT = np.sin(np.radians(15))  # a plane whose unit normal rises less than this is upright
# Squared distance in NEAR plus squared angle in SAME_WAY, above which a point is no plane's.
COST_OF_NONE = 1.5
_MOST_COST = 4 * COST_OF_NONE  # a single point far off must not outweigh all around it
_AROUND = 2.0  # cells: standard deviation within which points agree on their plane


def distance_cost(plane: np.ndarray, points: np.ndarray, eye_distance: np.ndarray) -> np.ndarray:
    """Compute the squared distance of points from a plane, 1 where they are just near.

    Args:
        plane: (4,).
        points: (..., 3) world metres.
        eye_distance: (...) metres from the camera to the points.

    Returns:
        (...), of the points' type.
    """
    plane = plane.astype(points.dtype)
    normal = plane[:3]
    distance = points @ normal + plane[3]
    reach = NEAR * eye_distance
    return np.square(distance / reach)


def angle_cost(plane: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Compute the squared angle between normals and a plane's, 1 where they just face the same way.

    Args:
        plane: (4,).
        normals: (..., 3) world, unit.

    Returns:
        (...), of the normals' type.
    """
    number = normals.dtype.type
    normal = plane[:3].astype(number)
    cosine = np.clip(normals @ normal, -1, 1)
    angle = np.arccos(cosine)
    same_way = number(SAME_WAY)
    return np.square(angle / same_way)


def members(
    plane: np.ndarray,
    points: np.ndarray,
    normals: np.ndarray,
    eye: np.ndarray,
) -> np.ndarray:
    """Mark the points that are near a plane and face its way.

    Args:
        plane: (4,).
        points: (M, 3) world metres.
        normals: (M, 3) world, unit, towards the camera.
        eye: (3,) the camera's place.

    Returns:
        (M,) bool.
    """
    from_eye = points - eye.astype(points.dtype)
    eye_distance = np.linalg.norm(from_eye, axis=-1)
    is_near = distance_cost(plane, points, eye_distance) < 1
    is_same_way = angle_cost(plane, normals) < 1
    return is_near & is_same_way


def belonging(
    planes: np.ndarray,
    points: np.ndarray,
    normals: np.ndarray,
    free: np.ndarray,
    eye: np.ndarray,
) -> np.ndarray:
    """Find the plane that each point belongs to, in agreement with the points around it.

    Args:
        planes: (P, 4), as found.
        points: (h, w, 3) world metres.
        normals: (h, w, 3) world, unit, towards the camera.
        free: (h, w) bool: which points may belong to one.
        eye: (3,) the camera's place.

    Returns:
        (h, w) int32, the plane's row; -1 where none.
    """
    if not len(planes):
        return np.full(free.shape, -1, np.int32)
    from_eye = points - eye
    eye_distance = np.linalg.norm(from_eye, axis=-1)
    costs = []
    for plane in planes:
        cost = distance_cost(plane, points, eye_distance)
        cost = cost + angle_cost(plane, normals)
        costs.append(_averaged(cost))

    # To belong to no plane is one more choice, the last one.
    cost_of_none = np.full(free.shape, COST_OF_NONE, np.float32)
    costs.append(cost_of_none)
    best = np.argmin(costs, axis=0)
    has_plane = free & (best < len(planes))
    index = np.where(has_plane, best, -1)
    return index.astype(np.int32)


def _averaged(cost: np.ndarray) -> np.ndarray:
    """Average costs (h, w) with those of the points around, float32."""
    cost = np.minimum(cost, _MOST_COST)
    cost = cost.astype(np.float32)
    return cv2.GaussianBlur(cost, (0, 0), _AROUND)
