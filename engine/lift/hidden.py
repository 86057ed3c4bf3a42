"""The hidden layer: the far surface continues behind each silhouette.

A small move sideways then opens no void.

far side of depth edges ─► seeds: surface and colour of a band beside the edge
                                   └─► behind the near side, as far as a move shows

A camera that moves sideways by b sees f b (1 / near - 1 / far) pixels of the far surface behind an
edge. Each pixel of the near side takes the plane and the colour of the nearest far pixel at an edge
(layered depth as in Shade et al. 1998, filled from the background alone as in Shih et al. 2020).
The continuation was never photographed: its origin says so, and its confidence is low and falls
with the distance behind the edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..splats.record import Splats
from .continuing import (
    FARTHEST,
    SPARE_PX,
    Places,
    Seeds,
    band,
    continuation,
    continued,
    inverse_planes,
    mirrored,
    scene_depth,
)
from .edges import EDGE_STEP, Pixels, find_edges
from .surface import Surface

# The sideways move for which the layer is made, of the scene's depth. A move of a tenth must show
# no void, and an orbit by 10 degrees moves nearly as far as this.
MOVE = 0.2

# Pixels around an edge pixel whose normals and colours are averaged as the far surface's ...
_BAND_REACH = 6
# ... and pixels between two samples.
_BAND_STEP = 3

# Pixels behind an edge that a move must show at least; with less the edge needs no layer.
_LEAST_SHOWN_PX = 0.5

# Layers of depth that are looked through: behind one far surface may end another, farther away.
_LAYERS = 8

# After each layer the seeds up to this factor of the nearest seed's depth are left out.
_LAYER_STEP = 1.5

# Distance behind the edge up to which the layer's blocks are fine, pixels.
_FINE_PX = 10

# Sides of the fine and of the coarse blocks that one splat covers, pixels.
_FINE_BLOCK = 2
_COARSE_BLOCK = 4

# Sides of the windows in which the layer's colours are averaged, pixels: at the edge, and from
# _SOFTEST_PX behind it on. Between the two the averages are mixed.
_SOFT_AT_EDGE_PX = 9
_SOFT_BEHIND_PX = 33

# Distance behind the edge at which colours are softest, pixels.
_SOFTEST_PX = 16.0

# Largest difference in log depth of a pixel from its window's mean with which it is averaged.
_ALIKE = 0.2

# Pixels of the far side beside an edge, mixed with the near side's colour, that the mirror image
# of the texture leaves out.
_MIXED_PX = 3.0

# Share of the mirror image in the layer's colours where they are softest; at the edge it is 1.
_LEAST_MIRROR = 0.5

_LEAST_WEIGHT = 1e-6  # of a window's mean, against a division by zero


@dataclass(frozen=True, eq=False)
class _Cover:
    """The continued surface behind each of the picture's pixels, (H, W)."""

    seed: np.ndarray  # int32, index of the seed that is continued, -1 where there is none
    distance: np.ndarray  # float32, pixels behind the edge
    depth: np.ndarray  # float32, metres

    @property
    def is_covered(self) -> np.ndarray:
        """The pixels behind which a surface is continued, bool."""
        return self.seed >= 0


def find_far_edge(surface: Surface, colours: np.ndarray) -> Seeds:
    """Find the far pixels beside a depth step that a move makes wider.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    estimate = surface.estimate
    depth = estimate.depth
    _, far_side = find_edges(depth, surface.slope(), margin=1)

    # The near side of the step is the nearest pixel around.
    window = np.ones((3, 3), np.uint8)
    nearest = cv2.erode(depth, window)
    step = 1 / nearest - 1 / depth  # of inverse depth
    move = MOVE * scene_depth(estimate)  # metres
    parallax = estimate.view.fx * move * step  # pixels
    shown = np.where(far_side, parallax, 0).ravel()

    pixels = np.flatnonzero(shown > _LEAST_SHOWN_PX)
    normal, colour = band(surface, colours, pixels, _BAND_REACH, _BAND_STEP)
    farthest = FARTHEST * max(depth.shape)
    return Seeds(
        pixels=pixels,
        depth=depth.ravel()[pixels],
        normal=normal,
        colour=colour,
        shown=np.minimum(shown[pixels], farthest),
    )


def hidden_layer(
    surface: Surface,
    colours: np.ndarray,
    edge: Seeds,
) -> tuple[Splats, np.ndarray]:
    """Make splats of the far surfaces continued behind silhouettes.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.
        edge: the last pixels of the far surfaces.

    Returns:
        The splats, and (M,) the pixel (flat index) whose surface each continues.
    """
    cover = _cover(surface, edge)
    softened = _softened_colours(edge, cover)
    at, block = _blocks(cover)
    colour = _colours(surface, colours, edge, cover, at, softened[at])
    places = Places(
        rays=surface.rays[at],
        seed=cover.seed[at],
        distance=cover.distance[at],
        depth=cover.depth[at],
        block=block,
        colour=colour,
    )
    return continuation(surface, edge, places)


def _cover(surface: Surface, edge: Seeds) -> _Cover:
    """Find the seed whose surface lies behind each pixel, and how deep.

    It is the nearest seed that reaches the pixel and whose plane lies behind it there. The nearest
    seed of all may be of a surface before the pixel. So the search is repeated without the nearer
    seeds, layer by layer.
    """
    depth = surface.estimate.depth
    cover = _Cover(
        seed=np.full(depth.shape, -1, np.int32),
        distance=np.zeros(depth.shape, np.float32),
        depth=np.zeros(depth.shape, np.float32),
    )
    planes = inverse_planes(surface, edge)
    least_depth = 0.0
    for _ in range(_LAYERS):
        candidates = np.flatnonzero(edge.depth >= least_depth)
        if not len(candidates):
            break
        pixels = edge.pixels[candidates]
        distance, owner = _nearest(pixels, depth.shape)
        seed = candidates[owner]  # (H, W)
        is_reached = distance <= edge.shown[seed] + SPARE_PX
        at = np.nonzero(~cover.is_covered & is_reached)

        # A plane that comes before the pixel, or meets it, is not hidden by it.
        rays = surface.rays[at]
        plane_depth = continued(edge, planes, seed[at], rays)
        is_behind = plane_depth > depth[at] * (1 + EDGE_STEP)
        rows, columns = at
        behind = rows[is_behind], columns[is_behind]
        cover.seed[behind] = seed[behind]
        cover.distance[behind] = distance[behind]
        cover.depth[behind] = plane_depth[is_behind]

        # At least an eighth of the seeds is left out, so that eight layers reach the last.
        seed_depth = edge.depth[candidates]
        least_depth = max(
            _LAYER_STEP * float(seed_depth.min()),
            float(np.quantile(seed_depth, 1 / _LAYERS)),
        )
    return cover


def _nearest(pixels: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest of some pixels (flat indices) to each pixel of a picture.

    Returns:
        The distance in pixels, (H, W), and the index among `pixels`, (H, W).
    """
    free = np.ones(shape, np.uint8)
    free.ravel()[pixels] = 0
    distance, label = cv2.distanceTransformWithLabels(
        free,
        cv2.DIST_L2,
        5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    # OpenCV numbers the pixels in an order of its own.
    labels = int(label.max()) + 1
    index_of_label = np.zeros(labels, np.int32)
    own_labels = label.ravel()[pixels]
    index = np.arange(len(pixels), dtype=np.int32)
    index_of_label[own_labels] = index
    return distance, index_of_label[label]


def _softened_colours(edge: Seeds, cover: _Cover) -> np.ndarray:
    """Return the layer's colours (H, W, 3): those of its seeds, the softer the farther behind.

    Without it each seed would draw a streak of its own colour behind the edge.
    """
    is_covered = cover.is_covered
    raw = np.zeros((*is_covered.shape, 3), np.float32)
    raw[is_covered] = edge.colour[cover.seed[is_covered]]
    log_depth = np.zeros(is_covered.shape, np.float32)
    log_depth[is_covered] = np.log(cover.depth[is_covered])

    at_edge = _averaged(raw, log_depth, is_covered, _SOFT_AT_EDGE_PX)
    far_behind = _averaged(raw, log_depth, is_covered, _SOFT_BEHIND_PX)
    share = np.clip(cover.distance / _SOFTEST_PX, 0, 1)
    return at_edge + (far_behind - at_edge) * share[..., None]


def _averaged(
    raw: np.ndarray,
    log_depth: np.ndarray,
    is_covered: np.ndarray,
    size: int,
) -> np.ndarray:
    """Average colours over the covered pixels of a window, where these are as deep as the pixel.

    Args:
        raw: (H, W, 3), 0 where nothing is covered.
        log_depth: (H, W), 0 where nothing is covered.
        is_covered: (H, W) bool.
        size: of the window, pixels a side.

    Returns:
        (H, W, 3); the raw colour where the window's mean depth is another surface's.
    """

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(
            values,
            (size, size),
            borderType=cv2.BORDER_CONSTANT,
        )

    # The mean over the covered pixels is the mean over all, divided by the covered share.
    covered_share = mean(is_covered.astype(np.float32))
    weight = np.maximum(covered_share, _LEAST_WEIGHT)
    mean_log_depth = mean(log_depth) / weight
    is_alike = np.abs(log_depth - mean_log_depth) < _ALIKE
    averaged = mean(raw) / weight[..., None]
    return np.where(is_alike[..., None], averaged, raw)


def _blocks(cover: _Cover) -> tuple[Pixels, np.ndarray]:
    """Choose the pixels that get a splat: fine blocks near the edge, coarse ones farther behind.

    Returns:
        The M pixels, and the side of each one's block in pixels, (M,).
    """
    shape = cover.seed.shape
    fine_grid = np.zeros(shape, bool)
    fine_grid[::_FINE_BLOCK, ::_FINE_BLOCK] = True
    coarse_grid = np.zeros(shape, bool)
    coarse_grid[1::_COARSE_BLOCK, 1::_COARSE_BLOCK] = True

    is_fine = cover.distance <= _FINE_PX
    grid = np.where(is_fine, fine_grid, coarse_grid)
    rows, columns = np.nonzero(cover.is_covered & grid)
    block = np.where(is_fine[rows, columns], _FINE_BLOCK, _COARSE_BLOCK)
    return (rows, columns), block


def _colours(
    surface: Surface,
    colours: np.ndarray,
    edge: Seeds,
    cover: _Cover,
    at: Pixels,
    softened: np.ndarray,
) -> np.ndarray:
    """Return the colours (M, 3) of the layer at some pixels.

    The far surface's texture goes on as its mirror image where there is one, the less the farther
    behind the edge; the rest is its softened colour.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) of the picture.
        edge: the seeds.
        cover: the layer.
        at: M pixels.
        softened: (M, 3) the layer's softened colours there.
    """
    rows, columns = at
    centres = np.column_stack([columns, rows]) + np.float32(0.5)
    # Averaged over a block, or a fine texture would flicker in coarse splats.
    averaged = cv2.blur(colours, (_COARSE_BLOCK, _COARSE_BLOCK))
    image, suits = mirrored(
        surface,
        averaged,
        edge,
        cover.seed[at],
        centres,
        skipped=_MIXED_PX,
    )
    way = np.clip(cover.distance[at] / _SOFTEST_PX, 0, 1)
    share = suits * (1 - (1 - _LEAST_MIRROR) * way)
    return softened + (image - softened) * share[:, None]
