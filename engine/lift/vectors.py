"""Vector algebra on arrays of vectors (..., 3), as the files of this folder need it."""

import numpy as np

from ..camera import View

_TINY = 1e-6  # a length, against a division by zero


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the dot product of each pair of vectors (..., 3), (..., 1)."""
    return np.sum(a * b, axis=-1, keepdims=True)


def length(vectors: np.ndarray) -> np.ndarray:
    """Return the length of each vector (..., C), (..., 1)."""
    return np.linalg.norm(vectors, axis=-1, keepdims=True)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (..., C) at unit length; those of nearly none become short."""
    divisor = np.maximum(length(vectors), _TINY)
    return vectors / divisor


def rotation_of(view: View) -> np.ndarray:
    """Return the rotation world from camera of a view, (3, 3) float32.

    For rows of vectors, `v @ R` turns from the world to the camera's frame, `v @ R.T` back.
    """
    return view.world_from_camera[:3, :3].astype(np.float32)


def row_dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the dot product of each pair of rows (N, 3), (N,)."""
    return np.einsum("nk,nk->n", a, b)
