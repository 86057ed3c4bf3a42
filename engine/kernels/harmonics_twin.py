"""The NumPy twin of `harmonics.c`: colours that change with the direction they are seen from."""

import numpy as np


def seen_colors(
    positions: np.ndarray, colors: np.ndarray, sh: np.ndarray, eye: np.ndarray
) -> np.ndarray:
    """Return the splats' colours as an eye sees them.

    They are `max(0, colors + sum over k of sh[k] Y_k(direction))`, or the colours alone where that
    is not finite.

    Args:
        positions: (N, 3) metres, world.
        colors: (N, 3) the constant part.
        sh: (N, 3 or 8 or 15, 3).
        eye: (3,) metres, world.

    Returns:
        (N, 3) float64.
    """
    from_eye = positions.astype(float) - eye  # [N, 3]
    distance = np.linalg.norm(from_eye, axis=1, keepdims=True)
    # A splat in the eye itself has no direction, and so no harmonics but the constant one.
    divisor = np.where(distance > 0, distance, 1)
    direction = from_eye / divisor

    coefficients = sh.shape[1]
    basis = sh_basis(direction)[:, :coefficients]  # [N, K]
    with np.errstate(over="ignore", invalid="ignore"):
        change = np.einsum("nk,nkc->nc", basis, sh.astype(float))
        seen = colors + change

    largest = np.finfo(np.float32).max
    fits_float32 = np.abs(seen) <= largest
    finite = np.where(fits_float32, seen, colors)
    return np.maximum(finite, 0)


def sh_basis(directions: np.ndarray) -> np.ndarray:
    """Compute the real spherical harmonics of bands 1 to 3.

    They are ordered and signed as 3DGS does, with the Condon-Shortley phase.

    Args:
        directions: (N, 3) unit.

    Returns:
        (N, 15): three of band 1, five of band 2, seven of band 3, each from order -l to l.
    """
    x, y, z = np.asarray(directions, float).T
    bands = [
        *_first_band(x, y, z),
        *_second_band(x, y, z),
        *_third_band(x, y, z),
    ]
    return np.stack(bands, axis=1)


# The factors below are the usual normalisation: the square of each harmonic integrates to 1 over
# the sphere.


def _first_band(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    factor = np.sqrt(3 / (4 * np.pi))
    return [
        -factor * y,
        factor * z,
        -factor * x,
    ]


def _second_band(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    mixed = np.sqrt(15 / np.pi) / 2  # of orders -2, -1, 1 and, halved, 2
    zonal = np.sqrt(5 / np.pi) / 4  # of order 0
    hyperbola = x * x - y * y
    return [
        mixed * x * y,
        -mixed * y * z,
        zonal * (3 * z * z - 1),
        -mixed * x * z,
        mixed / 2 * hyperbola,
    ]


def _third_band(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    outer = np.sqrt(35 / (2 * np.pi)) / 4  # of orders -3 and 3
    mixed = np.sqrt(105 / np.pi) / 2  # of orders -2 and, halved, 2
    inner = np.sqrt(21 / (2 * np.pi)) / 4  # of orders -1 and 1
    zonal = np.sqrt(7 / np.pi) / 4  # of order 0
    hyperbola = x * x - y * y
    three_lobes_y = 3 * x * x - y * y
    three_lobes_x = x * x - 3 * y * y
    two_rings = 5 * z * z - 1
    three_rings = 5 * z * z - 3
    return [
        -outer * y * three_lobes_y,
        mixed * x * y * z,
        -inner * y * two_rings,
        zonal * z * three_rings,
        -inner * x * two_rings,
        mixed / 2 * z * hyperbola,
        -outer * x * three_lobes_x,
    ]
