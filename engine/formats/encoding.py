"""The numbers that a PLY of Gaussians holds, and the attributes of splats that they stand for.

3D Gaussian Splatting (Kerbl et al. 2023) stores parameters that an optimiser may move freely: a
logit for an opacity, a natural logarithm for a scale, and the coefficient of the constant spherical
harmonic for a colour. The table of attributes names the encoding of each.
"""

from pathlib import Path

import numpy as np

from ..errors import SplatError
from ..tables.attributes import ATTRIBUTES, Attribute
from .ply_elements import stacked

SH_DEGREE_0 = 0.28209479177387814  # the constant spherical harmonic, 1 / (2 sqrt(pi))

# Limits of what is written.
_MIN_OPACITY = 1e-6  # and as far from 1: a logit stays finite
_MIN_SCALE = 1e-9  # metres; a logarithm stays finite

# Limits of what is read.
LARGEST = 1e15  # its square is finite in single precision; nothing in a scene is near it
_MAX_LOG_SCALE = 30.0  # e^30 m is beyond any horizon, e^-30 m below an atom
_MAX_LOGIT = 30.0  # the opacity is 1 in single precision
_MAX_REGION = 1e6  # an index above is no region
_MAX_ORIGIN = 255  # of an unsigned byte
_MIN_LENGTH = 1e-12  # of a quaternion, against a division by zero


def encode(attribute: Attribute, values: np.ndarray) -> np.ndarray:
    """Return the numbers that stand for an attribute's values in a file, of the same shape."""
    if attribute.ply_encoding == "logit":
        # Double precision: 1 - opacity loses digits near 1.
        exact = values.astype(np.float64)
        opacity = np.clip(exact, _MIN_OPACITY, 1 - _MIN_OPACITY)
        return np.log(opacity / (1 - opacity))
    if attribute.ply_encoding == "log":
        return np.log(np.maximum(values, _MIN_SCALE))
    if attribute.ply_encoding == "sh0":
        return (values - 0.5) / SH_DEGREE_0
    return values


def decode(attribute: Attribute, encoded: np.ndarray) -> np.ndarray:
    """Return the values of an attribute that numbers in a file stand for, of the same shape.

    What is quite opaque has an infinite logit, and what has no extent an infinite logarithm: both
    are held to limits. Quaternions become unit quaternions, indices whole numbers.

    Args:
        attribute: of splats.
        encoded: (N, ...) float32.
    """
    if attribute.ply_encoding == "logit":
        logit = np.clip(encoded, -_MAX_LOGIT, _MAX_LOGIT)
        return 1 / (1 + np.exp(-logit))
    if attribute.ply_encoding == "log":
        log_scale = np.clip(encoded, -_MAX_LOG_SCALE, _MAX_LOG_SCALE)
        return np.exp(log_scale)
    if attribute.ply_encoding == "sh0":
        return encoded * np.float32(SH_DEGREE_0) + np.float32(0.5)
    if attribute.name == "rotations":
        return _unit_quaternions(encoded)
    if attribute.name == "region":
        return np.rint(np.clip(encoded, -1, _MAX_REGION))
    if attribute.name == "origin":
        return np.rint(np.clip(encoded, 0, _MAX_ORIGIN))
    return encoded


def _unit_quaternions(quaternions: np.ndarray) -> np.ndarray:
    """Return quaternions (N, 4) at unit length; those of no length become the identity."""
    length = np.linalg.norm(quaternions, axis=1, keepdims=True)
    unit = quaternions / np.maximum(length, _MIN_LENGTH)
    identity = np.array([1, 0, 0, 0], np.float32)
    return np.where(length > 0, unit, identity)


def read_attribute(rows: np.ndarray, attribute: Attribute) -> np.ndarray:
    """Decode an attribute of every row.

    Args:
        rows: (N,) structured, with the attribute's properties.
        attribute: of splats.

    Returns:
        (N, ...) in the attribute's row shape, float32.
    """
    encoded = stacked(rows, attribute.ply_names)
    return decode(attribute, encoded.reshape(len(rows), *attribute.row_shape))


def missing_attribute(count: int, attribute: Attribute) -> np.ndarray:
    """Return the values (N, ...) of an attribute that a file of `count` splats lacks."""
    return np.full((count, *attribute.row_shape), attribute.missing, np.float32)


def check_properties(rows: np.ndarray, path: Path) -> None:
    """Refuse rows that are no Gaussians.

    Args:
        rows: (N,) the vertices of a PLY, structured.
        path: of the file, for the sentence.

    Raises:
        SplatError: a required property is not there.
    """
    required = {
        name for attribute in ATTRIBUTES if attribute.required for name in attribute.ply_names
    }
    missing = sorted(required - set(rows.dtype.names or ()))
    if missing:
        raise SplatError(
            f"“{path}” is a PLY without {', '.join(missing)}: not a Gaussian splat file."
            " Choose another."
        )
