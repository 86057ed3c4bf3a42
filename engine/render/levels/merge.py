"""Merging: the moments of splats, and of the one splat that stands for four.

The weight of a splat is the area that it covers, opacity times size. The one that stands for
several has their weighted mean and covariance (the mixture's first two moments, Runnalls 2007;
scaled where FAINTEST or CLOSED say so), their mean colour, and the opacity with which it covers as
much as they did, as in Kerbl et al. 2024 ("A Hierarchical 3D Gaussian Representation", eqs. 3 to
5). Covariances travel as xx xy xz yy yz zz; a splat's area is the root of its covariance's second
invariant, which for a disc is the product of its two standard deviations and needs no eigenvectors.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from ...geometry import quaternion_to_matrix
from ...splats.record import Splats

# The largest opacity of a merged splat.
MAX_OPACITY = 1.0
# Where members overlap so much that even this opacity does not cover as they did, the merged splat
# grows, at most until a grid of such splats has no holes: a standard deviation of 0.55 of their
# spacing, in variances between the members 0.3 * 16. Measured on photos: 3 leaves holes in the
# coarser levels (1 to 3 dB), no limit swells what stands before an edge (1 to 4 dB).
CLOSED = 4.8
# Where members are so sparse that one as wide as all of them would be a veil, the merged splat is
# narrower: its opacity is at least this share of theirs. A cloud of dust stays dust, and does not
# become fainter than a pass can show.
FAINTEST = 0.3
# Of the square of a line's length: its area. A true line has none, but the low-pass draws it, so
# its weight must not be zero.
LINE = 1e-3
# Below this a sum of normals has no direction: they cancel.
_LEAST_NORMAL = 1e-6
# Of the trace. A flat splat's covariance has no root in one direction; its variance there is held
# at the square of a millionth of its size.
_LEAST_VARIANCE_SHARE = 1e-12
# Square metres. A splat without any size is held at this.
_LEAST_VARIANCE = 1e-36
# The least divisor in float32.
TINY = np.finfo(np.float32).tiny
# Row and column of each stored entry of a covariance, xx xy xz yy yz zz.
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
# The stored entries on the diagonal: xx, yy, zz.
DIAGONAL = [0, 3, 5]


@dataclass(frozen=True, eq=False)
class Moments:
    """Splats as merging wants them; (...) is any shape, (N,) or (groups, members)."""

    means: np.ndarray  # (..., 3) metres
    covariances: np.ndarray  # (..., 6) m^2: xx xy xz yy yz zz
    opacities: np.ndarray  # (...) 0 to 1; 0: does not count
    colors: np.ndarray  # (..., 3)
    normals: np.ndarray  # (..., 3) unit, unsigned
    confidence: np.ndarray  # (...)
    region: np.ndarray  # (...) int32
    origin: np.ndarray  # (...) uint8
    moved: np.ndarray  # (...) m^2, variance of position that merging took away so far
    # (...) variance of colour that merging took away so far, summed over the channels.
    blended: np.ndarray

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> "Moments":
        """Apply the same change to every array."""
        changed = {}
        for field in fields(self):
            changed[field.name] = change(getattr(self, field.name))
        return Moments(**changed)


def area(covariances: np.ndarray) -> np.ndarray:
    """Measure the area of splats: the root of the covariance's second invariant.

    Args:
        covariances: (..., 6), m^2.

    Returns:
        (...) m^2; for a line, LINE of the square of its length.
    """
    xx = covariances[..., 0]
    yy = covariances[..., 3]
    zz = covariances[..., 5]
    trace = np.maximum(xx + yy + zz, TINY)
    # Products of entries that are shares of the trace cannot overflow.
    shares = covariances / trace[..., None]
    xx, xy, xz, yy, yz, zz = np.moveaxis(shares, -1, 0)
    second_invariant = xx * yy - xy * xy
    second_invariant = second_invariant + xx * zz - xz * xz
    second_invariant = second_invariant + yy * zz - yz * yz
    relative_area = np.sqrt(np.maximum(second_invariant, LINE**2))
    return trace * relative_area


def moments_of(splats: Splats, rows: np.ndarray) -> Moments:
    """Take the moments of the rows (N,) of a scene, all of which can be drawn."""
    scales = splats.scales[rows]
    axes = quaternion_to_matrix(splats.rotations[rows])  # [N, 3, 3], an axis a column
    # The normal is the shortest axis.
    shortest = np.argmin(scales, axis=1)
    normals = np.take_along_axis(axes, shortest[:, None, None], axis=2)[..., 0]

    factor = axes * scales[:, None, :]  # covariance = factor factor^T
    entries = []
    for i, j in _PAIRS:
        entry = np.einsum("nk,nk->n", factor[:, i], factor[:, j])
        entries.append(entry)
    nothing = np.zeros(len(rows), np.float32)
    return Moments(
        means=splats.positions[rows],
        covariances=np.stack(entries, axis=-1),
        opacities=np.minimum(splats.opacities[rows], MAX_OPACITY),
        colors=splats.colors[rows],
        normals=normals,
        confidence=splats.confidence[rows],
        region=splats.region[rows],
        origin=splats.origin[rows],
        moved=nothing,
        blended=nothing,
    )


def merge(groups: Moments) -> Moments:
    """Merge the members (G, K) of each group into one splat (G,).

    Members of no opacity do not count.
    """
    weights = groups.opacities * area(groups.covariances)  # [G, K], m^2
    total = weights.sum(axis=1)  # [G], the area that the members cover
    divisor = np.maximum(total, TINY)
    share = weights / divisor[:, None]
    heaviest = weights.argmax(axis=1)[:, None]

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("gk,gk...->g...", share, values)

    def of_heaviest(values: np.ndarray) -> np.ndarray:
        more_axes = [1] * (values.ndim - 2)
        index = heaviest.reshape(-1, 1, *more_axes)
        return np.take_along_axis(values, index, axis=1)[:, 0]

    # Differences from the heaviest member keep their digits far from the world's origin.
    anchor = of_heaviest(groups.means)
    offsets = groups.means - anchor[:, None]
    mean_offset = mean(offsets)

    # The mixture's covariance: the mean of the members', and that between their means.
    centred = offsets - mean_offset[:, None]
    between = _covariance_between(centred, share)
    variance_between = between[:, DIAGONAL].sum(axis=-1)
    covariances = mean(groups.covariances) + between
    colors = mean(groups.colors)
    colour_offsets = groups.colors - colors[:, None]
    colour_variance = np.einsum("gk,gkc->g", share, colour_offsets * colour_offsets)

    # Cover as much as the members did: first by opacity, and where that does not do, by area.
    natural_area = area(covariances)
    least_opacity = FAINTEST * mean(groups.opacities)
    widest_area = total / np.maximum(least_opacity, TINY)
    narrowest_area = np.minimum(total / MAX_OPACITY, CLOSED * area(between))
    merged_area = np.minimum(natural_area, widest_area)
    merged_area = np.maximum(merged_area, narrowest_area)
    growth = merged_area / np.maximum(natural_area, TINY)
    opacities = total / np.maximum(merged_area, TINY)

    normals = _mean_normals(groups.normals, of_heaviest(groups.normals), share)
    return Moments(
        means=anchor + mean_offset,
        covariances=covariances * growth[:, None],
        opacities=np.minimum(opacities, MAX_OPACITY),
        colors=colors,
        normals=normals,
        confidence=mean(groups.confidence),
        region=of_heaviest(groups.region),
        origin=of_heaviest(groups.origin),
        moved=mean(groups.moved) + variance_between,
        blended=mean(groups.blended) + colour_variance,
    )


def _covariance_between(offsets: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Weight the products of members' offsets (G, K, 3) from their mean: (G, 6), m^2."""
    entries = []
    for i, j in _PAIRS:
        products = offsets[..., i] * offsets[..., j]
        entries.append(np.einsum("gk,gk->g", share, products))
    return np.stack(entries, axis=-1)


def _mean_normals(normals: np.ndarray, like: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Average the members' unsigned normals.

    Args:
        normals: (G, K, 3) unit.
        like: (G, 3) unit; every normal is turned to its side, and it is the answer where they
            cancel.
        share: (G, K), weights whose sum is 1.

    Returns:
        (G, 3) unit.
    """
    cosine = np.einsum("gkc,gc->gk", normals, like)
    signed_share = np.where(cosine < 0, -share, share)
    summed = np.einsum("gk,gkc->gc", signed_share, normals)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    unit = summed / np.maximum(length, _LEAST_NORMAL)
    return np.where(length > _LEAST_NORMAL, unit, like)


def cholesky(covariances: np.ndarray) -> np.ndarray:
    """Factor covariances (N, 6) into L L^T.

    Returns:
        (N, 6) float32, the lower triangle of L by columns: l00 l10 l20 l11 l21 l22.
    """
    entries = covariances.astype(np.float64)
    xx, xy, xz, yy, yz, zz = np.moveaxis(entries, -1, 0)
    trace = xx + yy + zz
    least = _LEAST_VARIANCE_SHARE * trace + _LEAST_VARIANCE

    def root(variance: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(variance, least))

    l00 = root(xx)
    l10 = xy / l00
    l20 = xz / l00
    l11 = root(yy - l10 * l10)
    l21 = (yz - l20 * l10) / l11
    l22 = root(zz - l20 * l20 - l21 * l21)
    factor = np.stack([l00, l10, l20, l11, l21, l22], axis=-1)
    return factor.astype(np.float32)
