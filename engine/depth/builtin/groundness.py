"""Likeness of each pixel to the ground by colour and texture, and edges that surfaces end along."""

import cv2
import numpy as np

from ...colour import luminance

# Features that pixels are clustered by: lightness, weighted chroma, weighted texture.
_CHROMA_WEIGHT = 2.0  # against lightness: shadows change lightness more than hue
_TEXTURE_WEIGHT = 0.12  # of the logarithm of local contrast, against lightness
_TEXTURE_FLOOR = 0.03  # contrast, in lightness; below it is noise
_TEXTURE_SD = 1.5  # pixels over which contrast is averaged

_CLUSTERS = 16
_SAMPLES = (
    6000  # pixels that the clusters are learned from; up to twice as many where they divide so
)
_ITERATIONS = 12  # of k-means, at most
_MOVE = 1e-3  # of the centres, in features: k-means ends when they move less

_GROUND_ROWS = 0.86  # of the height: below is ground, as a rule
_GROUND_SLOPE = -0.06  # tangent of elevation, below which a pixel may show the ground
_OTHER_SLOPE = 0.01  # tangent of elevation, above which a pixel surely shows none
_UNSEEN = 0.15  # share of each class that is spread over all clusters, for those it has not seen
_LEAST_SEEDS = 50  # pixels; of fewer, no shares are counted
_PROBABILITY_SD = 1.0  # pixels over which the probability is averaged

_COLUMN_SD = 1.0  # pixels over which upright edges are averaged
_ROW_SD = 1.2  # pixels over which level edges are averaged
_STRONG_ROWS = 95  # percentile of level edges that counts as strength 1


def ground_probability(small: np.ndarray, elevation: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Compute the probability that a pixel shows the ground, from appearance alone.

    Pixels above the horizon surely show no ground, those at the bottom of the picture mostly do.
    Colours and textures are clustered, and a cluster is the likelier ground the larger its share of
    the pixels at the bottom is against its share of those above the horizon.

    Args:
        small: (H, W, 3) float32, sRGB-encoded, 0..1, a few hundred pixels wide.
        elevation: (H, W) tangent of each pixel's angle above the horizon.
        sky: (H, W) bool.

    Returns:
        (H, W) float32, 0..1.
    """
    features = _features(small)
    cluster = _clusters(features, ~sky)

    # Seeds of both classes come from where a pixel lies, not from what it looks like.
    height = len(sky)
    row = np.arange(height) / height
    is_low = row[:, None] > _GROUND_ROWS
    looks_down = elevation < _GROUND_SLOPE
    looks_up = elevation > _OTHER_SLOPE
    ground_seeds = is_low & looks_down & ~sky
    other_seeds = looks_up & ~sky

    # Bayes' rule with equal odds of the two classes.
    ground_share = _shares(cluster, ground_seeds)  # [K]
    other_share = _shares(cluster, other_seeds)
    of_cluster = ground_share / (ground_share + other_share)
    probability = of_cluster[cluster].astype(np.float32)
    return cv2.GaussianBlur(probability, (0, 0), _PROBABILITY_SD)


def _features(small: np.ndarray) -> np.ndarray:
    """Compute L a b over 100 and the logarithm of local contrast, (H, W, 4) float32, weighted."""
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2Lab)
    lab = lab / np.float32(100)
    lightness = lab[..., 0]
    chroma = lab[..., 1:] * _CHROMA_WEIGHT

    slope_x = cv2.Sobel(lightness, cv2.CV_32F, 1, 0)
    slope_y = cv2.Sobel(lightness, cv2.CV_32F, 0, 1)
    slope = np.hypot(slope_x, slope_y)
    contrast = cv2.GaussianBlur(slope, (0, 0), _TEXTURE_SD)
    texture = _TEXTURE_WEIGHT * np.log(contrast + _TEXTURE_FLOOR)
    features = np.dstack([lightness, chroma, texture])
    return features.astype(np.float32)


def _clusters(features: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Number the nearest cluster of each pixel.

    Args:
        features: (H, W, F) float32.
        where: (H, W) bool; the centres are learned from these pixels, or from all if they are few.

    Returns:
        (H, W) int, below `_CLUSTERS`.
    """
    if where.sum() > _CLUSTERS:
        flat = features[where]
    else:
        flat = features.reshape(-1, features.shape[-1])
    step = max(1, len(flat) // _SAMPLES)
    samples = np.ascontiguousarray(flat[::step])
    centres = _k_means(samples)

    # The nearest centre by |f - c|^2, without |f|^2, which is the same for all centres.
    centres_squared = (centres**2).sum(1)
    distance = centres_squared - 2 * features @ centres.T
    return np.argmin(distance, axis=-1)


def _k_means(samples: np.ndarray) -> np.ndarray:
    """Learn at most `_CLUSTERS` centres (K, F) of samples (S, F) float32; the same for the same."""
    count = min(_CLUSTERS, len(samples))
    criteria = cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS
    cv2.setRNGSeed(0)
    _, _, centres = cv2.kmeans(
        samples,
        count,
        None,
        (criteria, _ITERATIONS, _MOVE),
        1,
        cv2.KMEANS_PP_CENTERS,
    )
    return centres


def _shares(cluster: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Compute the share (K,) of each cluster (H, W) in a mask (H, W).

    It is never zero, and equal for all clusters where the mask holds too few pixels.
    """
    counts = np.bincount(cluster[where], minlength=_CLUSTERS)
    counts = counts.astype(float)
    total = counts.sum()
    if total < _LEAST_SEEDS:
        return np.full(_CLUSTERS, 1 / _CLUSTERS)
    # A cluster that the mask has not seen may still be of its class.
    shares = counts / total
    shares = shares + _UNSEEN / _CLUSTERS
    return shares / (1 + _UNSEEN)


def column_edges(small: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Measure the strength of upright edges in each picture column.

    Args:
        small: (H, W, 3) float32, sRGB-encoded, 0..1.
        sky: (H, W) bool, whose edges do not count.

    Returns:
        (W,) 0..1; 1 is twice the median column or more.
    """
    light = luminance(small)
    slope = np.abs(cv2.Sobel(light, cv2.CV_32F, 1, 0))
    slope = cv2.GaussianBlur(slope, (0, 0), _COLUMN_SD)
    columns = np.where(sky, 0, slope).mean(axis=0)
    strong = 2 * np.median(columns) + 1e-6
    return np.clip(columns / strong, 0, 1)


def row_edges(small: np.ndarray) -> np.ndarray:
    """Measure the strength of level edges; surfaces meet the ground along one.

    Args:
        small: (H, W, 3) float32, sRGB-encoded, 0..1.

    Returns:
        (H, W) float32, 0..1.
    """
    light = luminance(small)
    slope = np.abs(cv2.Sobel(light, cv2.CV_32F, 0, 1))
    slope = cv2.GaussianBlur(slope, (0, 0), _ROW_SD)
    strong = np.percentile(slope, _STRONG_ROWS) + 1e-3
    return np.clip(slope / strong, 0, 1)
