"""Depth to Gaussians: one surface-aligned splat a pixel, closed at the photo's view, cut at depth edges, within a budget."""

from dataclasses import dataclass

import numpy as np

from ..depth import DepthEstimate
from ..errors import ArgumentError
from ..geometry import matrix_to_quaternion
from .record import PHOTOGRAPHED, Splats

DEFAULT_MAX_SPLATS = 1_000_000
OPACITY = 0.99  # nearly opaque: a surface of single splats must close
SIGMA_PX = 0.55  # standard deviation in grid pixels; with the renderer's low-pass neighbours close without a visible seam
MAX_STRETCH = 6.0  # longest to shortest axis on the surface: beyond it grazing splats smear when seen from the side
THICKNESS = 0.15  # along the normal, of the in-surface standard deviation


@dataclass(frozen=True, eq=False)
class Lifted:
    """Splats, and which of them stands for which pixel of the grid."""

    splats: Splats
    rows: np.ndarray  # (H, W) int32, row of `splats` for each pixel, -1 where it was pruned


def lift(estimate: DepthEstimate, colours: np.ndarray, max_splats: int = DEFAULT_MAX_SPLATS) -> Lifted:
    """One Gaussian a pixel, its disc in the surface's tangent plane, its image at the photo's camera round.

    Args:
        estimate: depth, normals and view of the grid (H, W).
        colours: (H, W, 3) float32, sRGB-encoded.
        max_splats: at most so many; where the grid has more, the surest pixels stay, spread evenly.

    Raises:
        ArgumentError: `max_splats` is not positive.
    """
    if max_splats < 1:
        raise ArgumentError(f"A scene needs at least one splat, not {max_splats}.")
    positions = estimate.view.unproject(estimate.depth)
    scales, rotations = _discs(estimate, positions)
    height, width = estimate.depth.shape
    keep = _budget(height * width, max_splats)
    rows = np.full(height * width, -1, np.int32)
    rows[keep] = np.arange(len(keep), dtype=np.int32)
    growth = np.sqrt(height * width / len(keep))  # fewer splats have to cover the same picture
    splats = Splats(
        positions=positions.reshape(-1, 3)[keep],
        scales=scales.reshape(-1, 3)[keep] * growth,
        rotations=rotations.reshape(-1, 4)[keep],
        opacities=np.full(len(keep), OPACITY),
        colors=np.asarray(colours).reshape(-1, 3)[keep],
        confidence=estimate.confidence.reshape(-1)[keep],
        region=np.full(len(keep), -1),
        origin=np.full(len(keep), PHOTOGRAPHED),
    )
    return Lifted(splats, rows.reshape(height, width))


def _budget(pixels: int, max_splats: int) -> np.ndarray:
    """Which pixels keep their splat: all, or evenly spread ones (golden-ratio sequence, deterministic)."""
    if pixels <= max_splats:
        return np.arange(pixels)
    order = np.argsort((np.arange(pixels) * 0.6180339887498949) % 1.0, kind="stable")
    return np.sort(order[:max_splats])


def _discs(estimate: DepthEstimate, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scales (H, W, 3) in metres and rotations (H, W, 4) of discs that the photo's camera sees as circles."""
    view = estimate.view
    towards_eye = view.position.astype(np.float32) - positions.astype(np.float32)
    towards_eye /= np.linalg.norm(towards_eye, axis=-1, keepdims=True)
    normal = estimate.normal
    cosine = np.sum(normal * towards_eye, axis=-1)
    # A disc stretches along the part of the viewing direction that lies in the surface.
    along = towards_eye - cosine[..., None] * normal
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    fallback = view.world_from_camera[:3, 0].astype(np.float32)
    fallback = fallback - np.sum(fallback * normal, axis=-1, keepdims=True) * normal
    along = np.where(
        length > 1e-3,
        along / np.maximum(length, 1e-6),
        fallback / np.maximum(np.linalg.norm(fallback, axis=-1, keepdims=True), 1e-6),
    )
    across = np.cross(normal, along)
    footprint = SIGMA_PX * estimate.depth / np.float32(view.fx)
    stretch = np.minimum(1 / np.maximum(cosine, 1e-3), MAX_STRETCH)
    scales = np.stack([footprint * stretch, footprint, footprint * THICKNESS], axis=-1)
    return scales, matrix_to_quaternion(np.stack([along, across, normal], axis=-1))
