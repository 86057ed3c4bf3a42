"""Moving Gaussians: scaled, turned and carried to another place."""

import numpy as np

from ..geometry import matrix_to_quaternion, transform_points
from .record import Splats


def moved(splats: Splats, transform: np.ndarray, scale: float = 1.0) -> Splats:
    """Gaussians scaled about the origin, then carried by a rigid (4, 4) transform; colours from everywhere alone."""
    turn = matrix_to_quaternion(transform[:3, :3])
    return splats.with_(
        positions=transform_points(transform, splats.positions.astype(np.float64) * scale),
        scales=splats.scales * np.float32(scale),
        rotations=_product(turn.astype(np.float32), splats.rotations),
        sh=None,
    )


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton's product of quaternions w x y z: rotate by b, then by a."""
    aw, ax, ay, az = a
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    parts = [
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ]
    return np.stack(parts, axis=-1)
