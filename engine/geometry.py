"""Rotations and poses.

Quaternions are w, x, y, z; poses are (4, 4) `a_from_b`; see docs/conventions.md.
"""

import numpy as np

# The photo's camera looks along +Y of a Z-up world; OpenCV's camera has x right, y down, z forward.
LOOK_ALONG_Y = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """Convert quaternions to rotation matrices.

    Args:
        quaternion: (..., 4) w, x, y, z; normalised here.

    Returns:
        (..., 3, 3).
    """
    q = np.asarray(quaternion)
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    w, x, y, z = np.moveaxis(q, -1, 0)
    row_x = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]
    row_y = [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)]
    row_z = [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    rows = [np.stack(row, axis=-1) for row in (row_x, row_y, row_z)]
    return np.stack(rows, axis=-2)


def matrix_to_quaternion(matrix: np.ndarray) -> np.ndarray:
    """Convert rotation matrices to unit quaternions with w >= 0 (Shepperd 1978).

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
    # Four times the square of each component, and four times each product of two.
    ww4 = 1 + trace
    xx4 = 1 - trace + 2 * xx
    yy4 = 1 - trace + 2 * yy
    zz4 = 1 - trace + 2 * zz
    xy4 = m[..., 0, 1] + m[..., 1, 0]
    xz4 = m[..., 0, 2] + m[..., 2, 0]
    yz4 = m[..., 1, 2] + m[..., 2, 1]
    wx4 = m[..., 2, 1] - m[..., 1, 2]
    wy4 = m[..., 0, 2] - m[..., 2, 0]
    wz4 = m[..., 1, 0] - m[..., 0, 1]

    # Each row is the quaternion times four times one of its components. The largest component is
    # the one to divide by: it loses the fewest digits.
    rows = [
        [ww4, wx4, wy4, wz4],
        [wx4, xx4, xy4, xz4],
        [wy4, xy4, yy4, yz4],
        [wz4, xz4, yz4, zz4],
    ]
    candidates = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    squares = np.stack([ww4, xx4, yy4, zz4], axis=-1)
    largest = np.argmax(squares, axis=-1)[..., None, None]
    q = np.take_along_axis(candidates, largest, axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., :1] < 0, -q, q)


def rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Return the right-handed rotation (3, 3) by `angle` radians about `axis` (3,) (Rodrigues)."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    versine = 1 - np.cos(angle)
    return np.eye(3) + np.sin(angle) * cross + versine * cross @ cross


def pose(rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Return `world_from_camera` (4, 4) of a rotation (3, 3) and a position (3,)."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = position
    return matrix


def invert_pose(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of a rigid (4, 4) pose."""
    inverse_rotation = matrix[:3, :3].T
    position = matrix[:3, 3]
    return pose(inverse_rotation, -inverse_rotation @ position)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Transform points (..., 3) by a (4, 4) affine matrix."""
    linear = matrix[:3, :3]
    translation = matrix[:3, 3]
    return points @ linear.T + translation
