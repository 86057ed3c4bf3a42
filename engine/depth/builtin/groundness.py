"""How much each pixel looks like the ground: its colour and texture, seen low in the picture or above the horizon."""

import cv2
import numpy as np

from ...colour import luminance

_CLUSTERS = 16
_SAMPLES = 6000  # pixels that the colour clusters are learned from
_CHROMA_WEIGHT = 2.0  # shadows change lightness more than hue
_TEXTURE_WEIGHT, _TEXTURE_FLOOR = 0.12, 0.03
_GROUND_ROWS = 0.86  # of the height: below is ground, as a rule
_GROUND_SLOPE, _OTHER_SLOPE = -0.06, 0.01  # tangents of elevation
_UNSEEN = 0.15  # share of each class that is spread over all clusters
_LEAST_SEEDS = 50  # pixels


def ground_probability(small: np.ndarray, elevation: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """The probability that a pixel shows the ground, from appearance alone.

    Colours and textures are clustered; what is seen above the horizon is surely no ground, what is seen at the bottom
    is mostly ground, and each cluster is as likely ground as its share of the two says.

    Args:
        small: (H, W, 3) float32, sRGB-encoded, 0..1, a few hundred pixels wide.
        elevation: (H, W) tangent of each pixel's angle above the horizon.
        sky: (H, W) bool.

    Returns:
        (H, W) float32, 0..1.
    """
    features = _features(small)
    cluster = _clusters(features, ~sky)
    rows = (np.arange(len(sky)) / len(sky))[:, None]
    ground = _shares(cluster, (elevation < _GROUND_SLOPE) & (rows > _GROUND_ROWS) & ~sky)
    other = _shares(cluster, (elevation > _OTHER_SLOPE) & ~sky)
    return cv2.GaussianBlur((ground / (ground + other))[cluster].astype(np.float32), (0, 0), 1.0)


def _features(small: np.ndarray) -> np.ndarray:
    """(H, W, 4) float32: L a b over 100, and the logarithm of local contrast."""
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2Lab) / np.float32(100)
    light = lab[..., 0]
    slope = np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1))
    texture = _TEXTURE_WEIGHT * np.log(cv2.GaussianBlur(slope, (0, 0), 1.5) + _TEXTURE_FLOOR)
    return np.dstack([light, lab[..., 1:] * _CHROMA_WEIGHT, texture]).astype(np.float32)


def _clusters(features: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The nearest of k-means' centres for each pixel (H, W); centres are learned where the mask is set."""
    flat = features[where] if where.sum() > _CLUSTERS else features.reshape(-1, features.shape[-1])
    samples = np.ascontiguousarray(flat[:: max(1, len(flat) // _SAMPLES)])
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 12, 1e-3)
    centres = cv2.kmeans(
        samples, min(_CLUSTERS, len(samples)), None, stop, 1, cv2.KMEANS_PP_CENTERS
    )[2]
    # |f - c|^2 without |f|^2, which is the same for all centres.
    return np.argmin((centres**2).sum(1) - 2 * features @ centres.T, axis=-1)


def _shares(cluster: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(K,) share of each cluster within a mask, never zero; equal where the mask says too little."""
    counts = np.bincount(cluster[where], minlength=_CLUSTERS).astype(float)
    if counts.sum() < _LEAST_SEEDS:
        return np.full(_CLUSTERS, 1 / _CLUSTERS)
    return (counts / counts.sum() + _UNSEEN / _CLUSTERS) / (1 + _UNSEEN)


def column_edges(small: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """(W,) how strong the upright edges of each picture column are; 1 is twice the median column."""
    slope = cv2.GaussianBlur(np.abs(cv2.Sobel(luminance(small), cv2.CV_32F, 1, 0)), (0, 0), 1.0)
    columns = np.where(sky, 0, slope).mean(axis=0)
    return np.clip(columns / (2 * np.median(columns) + 1e-6), 0, 1)


def row_edges(small: np.ndarray) -> np.ndarray:
    """(H, W) float32, 0..1: how strong the level edges are; surfaces meet the ground along one."""
    slope = cv2.GaussianBlur(np.abs(cv2.Sobel(luminance(small), cv2.CV_32F, 0, 1)), (0, 0), 1.2)
    return np.clip(slope / (np.percentile(slope, 95) + 1e-3), 0, 1)
