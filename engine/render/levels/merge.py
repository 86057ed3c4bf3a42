"""Merging: the moments of splats, and of the one splat that stands for four.

The weight of a splat is what it covers, opacity times area. The one that stands for several has their weighted mean and
covariance (the mixture's first two moments, Runnalls 2007; scaled where FAINTEST or CLOSED say so), their mean colour, and
the opacity with which it covers as much as they did, as in Kerbl et al. 2024 ("A Hierarchical 3D Gaussian Representation",
eqs. 3 to 5). Covariances travel as xx xy xz yy yz zz; a splat's area is the root of its covariance's second invariant,
which for a disc is the product of its two standard deviations and needs no eigenvectors.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from ...geometry import quaternion_to_matrix
from ...splats.record import Splats

MAX_OPACITY = 1.0  # of a merged splat
# Where members overlap so much that even this does not cover as they did, the merged splat grows, at most until a grid
# of such splats has no holes: a standard deviation of 0.55 of their spacing, in variances between the members 0.3 * 16.
# Measured on photos: 3 leaves holes in the coarser levels (1 to 3 dB), no limit swells what stands before an edge (1 to 4).
CLOSED = 4.8
# Where members are so sparse that one as wide as all of them would be a veil, it is narrower: as dense as this part of theirs.
# A cloud of dust stays dust, and what is fainter than a pass can show does not vanish.
FAINTEST = 0.3
LINE = 1e-3  # a line has no area, but the low-pass draws it: its weight must not be none
TINY = np.finfo(np.float32).tiny
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


@dataclass(frozen=True, eq=False)
class Moments:
    """Splats as merging wants them; (...) is any shape, (N,) or (groups, members)."""

    means: np.ndarray  # (..., 3) metres
    covariances: np.ndarray  # (..., 6) m^2: xx xy xz yy yz zz
    opacities: np.ndarray  # (...) 0..1; 0: nothing there
    colors: np.ndarray  # (..., 3)
    normals: np.ndarray  # (..., 3) unit, unsigned
    confidence: np.ndarray  # (...)
    region: np.ndarray  # (...) int32
    origin: np.ndarray  # (...) uint8
    moved: np.ndarray  # (...) m^2, variance of position that merging took away so far
    blended: (
        np.ndarray
    )  # (...) variance of colour that merging took away so far, summed over channels

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> "Moments":
        """The same change to every array."""
        return Moments(*(change(getattr(self, field.name)) for field in fields(self)))


def area(covariances: np.ndarray) -> np.ndarray:
    """(...) m^2 of (..., 6): the root of the second invariant; of a line, LINE of its length's square."""
    trace = np.maximum(covariances[..., 0] + covariances[..., 3] + covariances[..., 5], TINY)
    xx, xy, xz, yy, yz, zz = np.moveaxis(
        covariances / trace[..., None], -1, 0
    )  # whose products cannot overflow
    return trace * np.sqrt(
        np.maximum(xx * yy - xy * xy + xx * zz - xz * xz + yy * zz - yz * yz, LINE**2)
    )


def moments_of(splats: Splats, rows: np.ndarray) -> Moments:
    """The rows (N,) of a scene, all of which can be drawn."""
    scales = splats.scales[rows]
    axes = quaternion_to_matrix(splats.rotations[rows])
    shortest = np.argmin(scales, axis=1)
    normals = np.take_along_axis(axes, shortest[:, None, None], axis=2)[..., 0]
    shape = axes * scales[:, None, :]
    covariances = np.stack(
        [np.einsum("nk,nk->n", shape[:, i], shape[:, j]) for i, j in _PAIRS], axis=-1
    )
    nothing = np.zeros(len(rows), np.float32)
    opacities = np.minimum(splats.opacities[rows], MAX_OPACITY)
    return Moments(
        splats.positions[rows],
        covariances,
        opacities,
        splats.colors[rows],
        normals,
        splats.confidence[rows],
        splats.region[rows],
        splats.origin[rows],
        nothing,
        nothing,
    )


def merge(groups: Moments) -> Moments:
    """One splat (G,) for the members (G, K) of each group; those of no opacity do not count."""
    weights = groups.opacities * area(groups.covariances)
    total = weights.sum(axis=1)
    heaviest = weights.argmax(axis=1)[:, None]
    share = weights / np.maximum(total, TINY)[:, None]

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("gk,gk...->g...", share, values)

    def of_heaviest(values: np.ndarray) -> np.ndarray:
        index = heaviest.reshape(-1, 1, *[1] * (values.ndim - 2))
        return np.take_along_axis(values, index, axis=1)[:, 0]

    anchor = of_heaviest(groups.means)  # differences from it keep their digits far from the origin
    away = groups.means - anchor[:, None]
    shift = mean(away)
    away = away - shift[:, None]
    between = np.stack(
        [np.einsum("gk,gk->g", share, away[..., i] * away[..., j]) for i, j in _PAIRS], axis=-1
    )
    covariances = mean(groups.covariances) + between
    colors = mean(groups.colors)
    off = groups.colors - colors[:, None]
    natural = area(covariances)
    covered = np.minimum(natural, total / np.maximum(FAINTEST * mean(groups.opacities), TINY))
    covered = np.maximum(covered, np.minimum(total / MAX_OPACITY, CLOSED * area(between)))
    return Moments(
        means=anchor + shift,
        covariances=covariances * (covered / np.maximum(natural, TINY))[:, None],
        opacities=np.minimum(total / np.maximum(covered, TINY), MAX_OPACITY),
        colors=colors,
        normals=_mean_normals(groups.normals, of_heaviest(groups.normals), share),
        confidence=mean(groups.confidence),
        region=of_heaviest(groups.region),
        origin=of_heaviest(groups.origin),
        moved=mean(groups.moved) + between[:, [0, 3, 5]].sum(axis=-1),
        blended=mean(groups.blended) + np.einsum("gk,gkc->g", share, off * off),
    )


def _mean_normals(normals: np.ndarray, like: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(G, 3) unit: the members' (G, K, 3), turned to the side of `like` (G, 3); `like` where they cancel."""
    side = np.where(np.einsum("gkc,gc->gk", normals, like) < 0, -share, share)
    summed = np.einsum("gk,gkc->gc", side, normals)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.where(length > 1e-6, summed / np.maximum(length, 1e-6), like)


def cholesky(covariances: np.ndarray) -> np.ndarray:
    """(N, 6) float32, the lower triangle a b c / d e f of L with L L^T = covariance: l00 l10 l20 l11 l21 l22."""
    xx, xy, xz, yy, yz, zz = np.moveaxis(covariances.astype(np.float64), -1, 0)
    least = (
        1e-12 * (xx + yy + zz) + 1e-36
    )  # a flat splat has no root in one direction; this is a millionth of its size
    l00 = np.sqrt(np.maximum(xx, least))
    l10, l20 = xy / l00, xz / l00
    l11 = np.sqrt(np.maximum(yy - l10 * l10, least))
    l21 = (yz - l20 * l10) / l11
    l22 = np.sqrt(np.maximum(zz - l20 * l20 - l21 * l21, least))
    return np.stack([l00, l10, l20, l11, l21, l22], axis=-1).astype(np.float32)
