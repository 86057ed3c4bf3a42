"""Moving Gaussians: scaled, turned and carried to another place."""

import logging

import numpy as np

from ..geometry import matrix_to_quaternion, transform_points
from .record import Splats

_log = logging.getLogger(__name__)


def moved(splats: Splats, transform: np.ndarray, scale: float = 1.0) -> Splats:
    """Scale Gaussians about the origin, then carry them by a rigid transform.

    Spherical harmonics are dropped, because they belong to directions of the old frame: the
    result has `sh` None and the constant colour from everywhere. The log says so where there were
    any.

    Args:
        splats: in the frame that the transform starts from.
        transform: (4, 4) rigid, new frame from old frame.
        scale: factor on lengths.
    """
    if splats.sh is not None:
        _log.info("moving %d splats drops their spherical harmonics", len(splats))
    # Double precision until the end: a scene may be large and far from its origin.
    scaled = splats.positions.astype(np.float64) * scale
    rotation = matrix_to_quaternion(transform[:3, :3]).astype(np.float32)
    return splats.with_(
        positions=transform_points(transform, scaled),
        scales=splats.scales * np.float32(scale),
        rotations=_product(rotation, splats.rotations),
        sh=None,
    )


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Multiply quaternions w x y z (Hamilton's product): the rotation b, then the rotation a.

    Args:
        a: (4,).
        b: (N, 4).
    """
    aw, ax, ay, az = a
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    w = aw * bw - ax * bx - ay * by - az * bz
    x = aw * bx + ax * bw + ay * bz - az * by
    y = aw * by - ax * bz + ay * bw + az * bx
    z = aw * bz + ax * by - ay * bx + az * bw
    return np.stack([w, x, y, z], axis=-1)
