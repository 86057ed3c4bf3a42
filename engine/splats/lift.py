"""Depth to Gaussians: surface-aligned splats, closed at the photo's view and nearer, cut at depth edges, in a budget.

Two layers make one surface. The front has a small splat for each pixel: small, so that the photo's own view stays
sharp. Behind it each block of 2 x 2 pixels has a wide one in the block's mean colour: it shows only where a nearer
camera sees between the small ones. Along the near side of a depth edge, where a wide one would stick out, each pixel
has a narrow one instead; on the far side the wide ones hide behind the edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..depth import DepthEstimate
from ..errors import ArgumentError
from ..geometry import matrix_to_quaternion
from .record import PHOTOGRAPHED, Splats

DEFAULT_MAX_SPLATS = 1_000_000
FRONT_SHARE = 0.77  # of the budget: four front splats for each wide one behind them, and some along edges
OPACITY = 0.99  # nearly opaque: a surface of single splats must close
FRONT_SIGMA_PX = 0.25  # measured on the demo photo after the colour match: 32 dB; 0.3 gives 31 dB, 0.5 gives 25 dB
BACK_SIGMA_PX = 1.3  # 0.65 of the block: where four blocks meet the coverage is still 0.96
RIM_SIGMA_PX = 0.6  # along the near side of an edge: closes at any distance, sticks out by less than a pixel
BLOCK = 2  # pixels a side of what one back splat stands for
MAX_STRETCH = 6.0  # longest to shortest axis on the surface: beyond it grazing splats smear when seen from the side
THICKNESS = 0.15  # along the normal, of the in-surface standard deviation
BACK_REACH_PX = 4  # pixels whose front splats must all be sorted before the back splat between them
BACK_GAP = 0.002  # part of the depth by which the back layer lies behind at least
MAX_PUSH = 0.15  # part of the depth by which it lies behind at most
EDGE_STEP = 0.06  # a depth step of more, beyond what the slant explains, is an edge
EDGE_MARGIN_PX = 3  # how far wide splats keep from the near side of an edge


@dataclass(frozen=True, eq=False)
class Lifted:
    """Splats, and which of them stands for which pixel of the grid."""

    splats: Splats
    rows: np.ndarray  # (H, W) int32, the front splat of each pixel, -1 where it has none
    pixels: np.ndarray  # (N,) int64, the pixel (flat index) that each splat came from


def grid_budget(max_splats: int) -> int:
    """How many pixels the depth grid may have, so that both layers together keep the budget."""
    return max(int(max_splats * FRONT_SHARE), 1)


def lift(estimate: DepthEstimate, colours: np.ndarray, max_splats: int = DEFAULT_MAX_SPLATS) -> Lifted:
    """Gaussians whose discs lie in the surface and whose images at the photo's camera are round.

    Args:
        estimate: depth, normals and view of the grid (H, W).
        colours: (H, W, 3) float32, sRGB-encoded.
        max_splats: at most so many. Where the front layer alone is more, evenly spread pixels keep theirs, grown to
            cover the rest; the back layer takes what remains.

    Raises:
        ArgumentError: `max_splats` is not positive.
    """
    if max_splats < 1:
        raise ArgumentError(f"A scene needs at least one splat, not {max_splats}.")
    height, width = estimate.depth.shape
    keep = _spread(height * width, max_splats)
    growth = np.sqrt(height * width / len(keep))
    rows = np.full(height * width, -1, np.int32)
    rows[keep] = np.arange(len(keep), dtype=np.int32)
    surface = _Surface(estimate)
    front = _splats(surface, estimate.depth, np.asarray(colours), FRONT_SIGMA_PX).select(keep)
    front = front.with_(scales=front.scales * np.float32(growth))
    pixels = keep
    if len(keep) == height * width and max_splats > len(keep):
        blocks, back = _back_layer(surface, np.asarray(colours))
        chosen = _spread(len(back), max_splats - len(keep)) if len(back) else np.zeros(0, np.int64)
        front = Splats.concatenate([front, back.select(chosen)])
        pixels = np.concatenate([keep, blocks[chosen]])
    return Lifted(front, rows.reshape(height, width), pixels)


def _spread(count: int, most: int) -> np.ndarray:
    """Sorted indices of `most` evenly spread ones of `count` (golden-ratio sequence, deterministic); all if they fit."""
    if count <= most:
        return np.arange(count)
    order = np.argsort((np.arange(count) * 0.6180339887498949) % 1.0, kind="stable")
    return np.sort(order[:most])


class _Surface:
    """The frame of each pixel's disc: along the slant, across it, the normal; and how far the slant stretches it."""

    def __init__(self, estimate: DepthEstimate) -> None:
        self.estimate = estimate
        view, normal = estimate.view, estimate.normal
        self.rays = view.rays()
        towards_eye = -(self.rays @ view.world_from_camera[:3, :3].T.astype(np.float32))
        towards_eye /= np.linalg.norm(towards_eye, axis=-1, keepdims=True)
        cosine = np.sum(normal * towards_eye, axis=-1)
        # A disc stretches along the part of the viewing direction that lies in the surface.
        along = towards_eye - cosine[..., None] * normal
        length = np.linalg.norm(along, axis=-1, keepdims=True)
        sideways = view.world_from_camera[:3, 0].astype(np.float32)
        sideways = sideways - np.sum(sideways * normal, axis=-1, keepdims=True) * normal
        sideways /= np.maximum(np.linalg.norm(sideways, axis=-1, keepdims=True), 1e-6)
        along = np.where(length > 1e-3, along / np.maximum(length, 1e-6), sideways)
        self.stretch = np.minimum(1 / np.maximum(cosine, 1e-3), MAX_STRETCH)
        self.rotations = matrix_to_quaternion(np.stack([along, np.cross(normal, along), normal], axis=-1))

    def slope(self) -> np.ndarray:
        """(H, W) relative change of depth per pixel on the pixel's own plane: |n_xy| / (f |n . ray|), camera frame."""
        view = self.estimate.view
        normal = self.estimate.normal @ view.world_from_camera[:3, :3].astype(np.float32)
        facing = np.abs(np.sum(normal * self.rays, axis=-1))
        return np.hypot(normal[..., 0], normal[..., 1]) / (np.float32(view.fx) * np.maximum(facing, 1e-3))


def _splats(surface: _Surface, depth: np.ndarray, colours: np.ndarray, sigma_px: float) -> Splats:
    """A splat for each pixel, at `depth` (H, W) on its ray."""
    estimate = surface.estimate
    footprint = np.float32(sigma_px / estimate.view.fx) * depth
    scales = np.stack([footprint * surface.stretch, footprint, footprint * THICKNESS], axis=-1)
    count = depth.size
    return Splats(
        positions=estimate.view.unproject(depth).reshape(-1, 3),
        scales=scales.reshape(-1, 3),
        rotations=surface.rotations.reshape(-1, 4),
        opacities=np.full(count, OPACITY),
        colors=colours.reshape(-1, 3),
        confidence=estimate.confidence.reshape(-1),
        region=np.full(count, -1),
        origin=np.full(count, PHOTOGRAPHED),
    )


def _back_layer(surface: _Surface, colours: np.ndarray) -> tuple[np.ndarray, Splats]:
    """The splats behind the front, and the pixel (flat index) that each stands for."""
    depth = surface.estimate.depth
    slope = surface.slope()
    behind = depth * (1 + BACK_GAP + np.minimum(slope * BACK_REACH_PX, MAX_PUSH))
    rim, far_side = _edges(depth, slope)
    mean = np.where(far_side[..., None], colours, cv2.blur(colours, (BLOCK, BLOCK), anchor=(0, 0)))
    corner = np.zeros(depth.shape, bool)
    corner[::BLOCK, ::BLOCK] = True
    blocks, rims = np.flatnonzero(corner & ~rim), np.flatnonzero(rim)
    wide = _splats(surface, behind, mean, BACK_SIGMA_PX).select(blocks)
    narrow = _splats(surface, behind, colours, RIM_SIGMA_PX).select(rims)
    return np.concatenate([blocks, rims]), Splats.concatenate([wide, narrow])


def _edges(depth: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: the near sides of depth edges, and the far sides, EDGE_MARGIN_PX wide.

    A step counts as an edge where the surface's own slant does not explain it.
    """
    log_depth = np.log(depth)
    size = 2 * EDGE_MARGIN_PX + 1
    window = np.ones((size, size), np.uint8)
    allowed = EDGE_STEP + 2 * EDGE_MARGIN_PX * slope
    near_side = cv2.dilate(log_depth, window) - log_depth > allowed
    far_side = log_depth - cv2.erode(log_depth, window) > allowed
    return near_side, far_side
