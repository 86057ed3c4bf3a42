"""How far a depth map is from the truth: the usual measures, silhouettes, gravity, and whether the confidence ranks."""

import cv2
import numpy as np

from engine.depth import DepthEstimate

CLOSE = 1.25  # the ratio that delta1 allows (Eigen 2014)
STEP, TOLERANCE_PX = (
    0.2,
    3,
)  # a silhouette is a step of log depth between neighbours; how far off it may lie

Numbers = dict[str, float]


def errors(depth: np.ndarray, true: np.ndarray) -> Numbers:
    """AbsRel and delta1 (Eigen 2014) of depths (N,) against the true ones (N,), metric and with the median's scale given."""
    aligned = depth * np.median(true / depth)
    return {
        "abs_rel": _abs_rel(depth, true),
        "delta1": _delta1(depth, true),
        "abs_rel_aligned": _abs_rel(aligned, true),
        "delta1_aligned": _delta1(aligned, true),
    }


def surer_half(depth: np.ndarray, confidence: np.ndarray, true: np.ndarray) -> Numbers:
    """AbsRel of the more confident half, metric and aligned; nothing where all is equally sure.

    Where the border of the halves lies among pixels of one confidence, each of them counts in part:
    no order is claimed.
    """
    middle = np.sort(confidence)[
        confidence.size // 2
    ]  # one that is there, where the median may lie between two
    above, there = confidence > middle, confidence == middle
    if there.all():
        return {}
    part = (confidence.size / 2 - above.sum()) / there.sum()
    weights = above + part * there
    aligned = depth * np.median(true / depth)
    return {
        "abs_rel_surer": float(np.average(np.abs(depth / true - 1), weights=weights)),
        "abs_rel_surer_aligned": float(np.average(np.abs(aligned / true - 1), weights=weights)),
    }


def silhouettes(depth: np.ndarray, sky: np.ndarray, true: np.ndarray) -> Numbers:
    """F1 of depth steps, for things before things and with the skyline too.

    Args:
        depth: (H, W) metres.
        sky: (H, W) bool, where the estimate has sky.
        true: (H, W) metres, inf in the sky.
    """
    solid = np.isfinite(true)
    truth, found = steps(true), steps(np.where(sky, np.inf, depth))
    near_sky = _grown(~solid) if (~solid).any() else np.zeros(solid.shape, bool)
    return {
        "silhouette_f1": f1(found & ~near_sky, truth & ~near_sky),
        "silhouette_f1_with_sky": f1(found, truth),
    }


def steps(depth: np.ndarray) -> np.ndarray:
    """(H, W) bool: log depth (H, W) differs by more than `STEP` from the right or the lower neighbour's; sky is far."""
    far = 2 * STEP + float(np.log(depth[np.isfinite(depth)]).max(initial=0.0))
    log = np.log(depth, where=np.isfinite(depth), out=np.full(depth.shape, far))
    marks = np.zeros(depth.shape, bool)
    marks[:, :-1] |= np.abs(np.diff(log, axis=1)) > STEP
    marks[:-1] |= np.abs(np.diff(log, axis=0)) > STEP
    return marks


def f1(found: np.ndarray, true: np.ndarray) -> float:
    """Of marks (H, W) that may lie `TOLERANCE_PX` off; 0 where one has none, 1 where neither has."""
    if not (found.any() and true.any()):
        return float(not found.any() and not true.any())
    precision = float(_grown(true)[found].mean())
    recall = float(_grown(found)[true].mean())
    return 2 * precision * recall / max(precision + recall, 1e-12)


def gravity_error(found: DepthEstimate, world_from_camera: np.ndarray) -> float:
    """Degrees between the estimate's gravity and the true pose's."""
    up, true = found.view.world_from_camera[2, :3], world_from_camera[2, :3]
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(up, true)), up @ true)))


def _abs_rel(depth: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(depth / true - 1).mean())


def _delta1(depth: np.ndarray, true: np.ndarray) -> float:
    ratio = depth / true
    return float((np.maximum(ratio, 1 / ratio) < CLOSE).mean())


def _grown(marks: np.ndarray) -> np.ndarray:
    """Everything within the tolerance of a mark."""
    side = 2 * TOLERANCE_PX + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.dilate(marks.astype(np.uint8), disc) > 0
