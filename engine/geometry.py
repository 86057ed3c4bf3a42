"""Rotations and poses. Quaternions are w, x, y, z; poses are (4, 4) `a_from_b`.

docs/conventions.md says which axes are which.
"""

import numpy as np

# The photo's camera looks along +Y of a Z-up world; OpenCV's camera has x right, y down, z forward.
LOOK_ALONG_Y = np.array(
    [
        [1.0, 0, 0],
        [0, 0, 1],
        [0, -1, 0],
    ]
)


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """Turn quaternions into rotation matrices.

    Args:
        quaternion: (..., 4) w, x, y, z; normalised here.

    Returns:
        (..., 3, 3).
    """
    q = np.asarray(quaternion)
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    w, x, y, z = np.moveaxis(q, -1, 0)
    rows = [
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y - w * z),
            2 * (x * z + w * y),
        ],
        [
            2 * (x * y + w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z - w * x),
        ],
        [
            2 * (x * z - w * y),
            2 * (y * z + w * x),
            1 - 2 * (x * x + y * y),
        ],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def matrix_to_quaternion(matrix: np.ndarray) -> np.ndarray:
    """Turn rotation matrices into unit quaternions with w >= 0.

    Shepperd's method (1978): each component can be divided by to find the others; the largest one
    loses no digits.

    Args:
        matrix: (..., 3, 3).

    Returns:
        (..., 4) w, x, y, z.
    """
    m = np.asarray(matrix)
    xx = m[..., 0, 0]
    yy = m[..., 1, 1]
    zz = m[..., 2, 2]
    trace = xx + yy + zz
    # Four times the square of each component, w x y z.
    squares = np.stack(
        [
            1 + trace,
            1 - trace + 2 * xx,
            1 - trace + 2 * yy,
            1 - trace + 2 * zz,
        ],
        axis=-1,
    )
    # Four times the product of each two components.
    xy = m[..., 0, 1] + m[..., 1, 0]
    xz = m[..., 0, 2] + m[..., 2, 0]
    yz = m[..., 1, 2] + m[..., 2, 1]
    wx = m[..., 2, 1] - m[..., 1, 2]
    wy = m[..., 0, 2] - m[..., 2, 0]
    wz = m[..., 1, 0] - m[..., 0, 1]
    # Each row is the quaternion times four times one of its components.
    candidates = np.stack(
        [
            np.stack([squares[..., 0], wx, wy, wz], axis=-1),
            np.stack([wx, squares[..., 1], xy, xz], axis=-1),
            np.stack([wy, xy, squares[..., 2], yz], axis=-1),
            np.stack([wz, xz, yz, squares[..., 3]], axis=-1),
        ],
        axis=-2,
    )  # [..., 4, 4]
    largest = np.argmax(squares, axis=-1)[..., None, None]
    q = np.take_along_axis(candidates, largest, axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    # q and -q are the same rotation; the one with w >= 0 is chosen.
    return np.where(q[..., :1] < 0, -q, q)


def rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Return the right-handed rotation (3, 3) by `angle` radians about `axis` (3,) (Rodrigues)."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array(
        [
            [0, -z, y],
            [z, 0, -x],
            [-y, x, 0],
        ]
    )
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def pose(rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Return `world_from_camera` (4, 4) of a rotation (3, 3) and a position (3,)."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = position
    return matrix


def invert_pose(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of a rigid (4, 4) pose."""
    rotation = matrix[:3, :3].T
    position = matrix[:3, 3]
    return pose(rotation, -rotation @ position)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Carry points (..., 3) through a (4, 4) affine matrix."""
    linear = matrix[:3, :3]
    translation = matrix[:3, 3]
    return points @ linear.T + translation
