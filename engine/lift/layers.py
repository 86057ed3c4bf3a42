"""The layers of splats that make one closed surface, cut at depth edges.

* front: a small splat for each pixel, so that the photo's own view stays sharp
* plain: where a block of 2 x 2 pixels has one colour, a wide splat alone
* rim: along the near side of a depth edge, where a wide splat would stick out, a narrow one for
  each pixel behind its small one; the outermost pixels have none
* back: elsewhere a wide splat behind each block, in the block's mean colour; it shows only where a
  nearer camera sees between the small ones
"""

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from .edges import find_edges
from .surface import Surface
from .vectors import rotation_of

LayerName = Literal["front", "plain", "rim", "back"]

# Standard deviations of the layers' splats, in pixels of the grid. The front's was measured on the
# demo photo after the colour match: 0.25 gives 32 dB, 0.3 gives 31 dB, 0.5 gives 25 dB.
FRONT_SIGMA_PX = 0.25
# Nothing lies before these: 0.9 of the block covers 0.99 where four blocks meet.
PLAIN_SIGMA_PX = 1.8
# Closes at twice the photo's size, and hardly shows on the far side.
RIM_SIGMA_PX = 0.45
# 0.65 of the block: where four blocks meet the coverage is still 0.96.
BACK_SIGMA_PX = 1.3

# Pixels a side of the block that one wide splat covers.
BLOCK = 2

# Pixels by which the outermost small splats of a near side are moved inwards: half as much of them
# spills over the edge.
INSET_PX = 0.2

# Largest range of a colour channel in a block of one colour: below a photo's own noise.
PLAIN_RANGE = 4 / 255

# Pixels a side that must be of one colour: the block and a pixel around it.
PLAIN_WINDOW = 4

# Pixels around a back splat whose front splats must all lie before it.
BACK_REACH_PX = 4

# Part of the depth by which the back layer lies behind the front at least ...
BACK_GAP = 0.002
# ... and by which the slant may push it farther at most.
MAX_PUSH = 0.15


@dataclass(frozen=True, eq=False)
class Layer:
    """Splats of one kind, before they are made: M of them."""

    name: LayerName
    pixels: np.ndarray  # (M,) int64, flat index of the pixel, or of its block's first pixel
    points: np.ndarray  # (M, 3) float32, metres, world
    colours: np.ndarray  # (M, 3) float32, sRGB-encoded
    sigma_px: float  # standard deviation across the slant, pixels of the grid


def surface_layers(surface: Surface, colours: np.ndarray) -> list[Layer]:
    """Choose the pixels, points and colours of each layer.

    Args:
        surface: of a depth map without flying pixels.
        colours: (H, W, 3) float32, sRGB-encoded.

    Returns:
        Front, plain, rim and back, in this order. Each pixel is one of `front`, or lies in a block
        of `plain`.
    """
    depth = surface.estimate.depth
    slope = surface.slope()
    rim, far_side = find_edges(depth, slope)
    last_near, last_far = find_edges(depth, slope, margin=1)

    # A wide splat needs a whole block away from the near side of an edge.
    is_block = np.zeros(depth.shape, bool)
    is_block[::BLOCK, ::BLOCK] = True
    is_block &= ~rim
    of_one_colour = _plain_blocks(colours, rim | far_side)
    is_plain = is_block & ~far_side & of_one_colour
    is_back = is_block & ~is_plain
    is_front = ~_whole_blocks(is_plain)
    is_rim = _backed(rim, rim & last_near)

    # A block on the far side may reach over the edge: its first pixel stands for all of it.
    across_edge = far_side[..., None]
    points = surface.points
    middles = np.where(across_edge, points, _block_means(points))
    mean_colours = np.where(across_edge, colours, _block_means(colours))

    inset = _inset(surface, last_near, last_far)
    front = _layer("front", is_front, inset, colours, FRONT_SIGMA_PX)
    plain = _layer("plain", is_plain, middles, mean_colours, PLAIN_SIGMA_PX)
    rim_layer = _layer("rim", is_rim, points, colours, RIM_SIGMA_PX)
    back = _layer("back", is_back, middles, mean_colours, BACK_SIGMA_PX)
    return [
        front,
        plain,
        _pushed(rim_layer, surface),
        _pushed(back, surface),
    ]


def _layer(
    name: LayerName,
    chosen: np.ndarray,
    points: np.ndarray,
    colours: np.ndarray,
    sigma_px: float,
) -> Layer:
    """Make a layer of chosen pixels (H, W) bool, with their own of points and colours (H, W, 3)."""
    pixels = np.flatnonzero(chosen)
    return Layer(
        name=name,
        pixels=pixels,
        points=points.reshape(-1, 3)[pixels],
        colours=colours.reshape(-1, 3)[pixels],
        sigma_px=sigma_px,
    )


def _pushed(layer: Layer, surface: Surface) -> Layer:
    """Move a layer away from the eye, behind the front splats that it could cover."""
    slope = surface.slope().ravel()[layer.pixels]
    slant = np.minimum(slope * BACK_REACH_PX, MAX_PUSH)
    factor = 1 + BACK_GAP + slant  # on the distance from the eye
    eye = surface.estimate.view.position.astype(np.float32)
    from_eye = layer.points - eye
    points = eye + from_eye * factor[:, None]
    return replace(layer, points=points)


def plain_share(colours: np.ndarray) -> float:
    """Return the share of a picture that is of one colour within a block and around it.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    no_edge = np.zeros(colours.shape[:2], bool)
    is_plain = _plain_blocks(colours, no_edge)
    return float(is_plain[::BLOCK, ::BLOCK].mean())


def _plain_blocks(colours: np.ndarray, near_edge: np.ndarray) -> np.ndarray:
    """Find the blocks of one colour with surroundings of the same, and no edge near.

    Args:
        colours: (H, W, 3) sRGB-encoded.
        near_edge: (H, W) bool.

    Returns:
        (H, W) bool, valid at blocks' first pixels.
    """
    window = np.ones((PLAIN_WINDOW, PLAIN_WINDOW), np.uint8)
    # The window lies around the block whose first pixel is its anchor.
    before = PLAIN_WINDOW // 2 - 1
    anchor = (before, before)
    largest = cv2.dilate(colours, window, anchor=anchor)
    smallest = cv2.erode(colours, window, anchor=anchor)
    colour_range = (largest - smallest).max(axis=-1)
    edge_mask = near_edge.astype(np.uint8)
    has_edge = cv2.dilate(edge_mask, window) > 0
    return (colour_range <= PLAIN_RANGE) & ~has_edge


def _whole_blocks(first: np.ndarray) -> np.ndarray:
    """Mark all pixels of the blocks whose first pixels are marked, (H, W) bool."""
    window = np.ones((BLOCK, BLOCK), np.uint8)
    anchor = (BLOCK - 1, BLOCK - 1)
    whole = cv2.dilate(first.astype(np.uint8), window, anchor=anchor)
    return whole > 0


def _block_means(values: np.ndarray) -> np.ndarray:
    """Average values (H, W, 3) over the block that begins at each pixel."""
    return cv2.blur(values, (BLOCK, BLOCK), anchor=(0, 0))


def _backed(rim: np.ndarray, outermost: np.ndarray) -> np.ndarray:
    """Choose the pixels of a near side that get a splat behind their small one, (H, W) bool.

    The outermost get none, or two splats would spill over the edge. In a thin structure all pixels
    are outermost, and get one.

    Args:
        rim: (H, W) bool, the near sides of edges.
        outermost: (H, W) bool, their last pixels.
    """
    window = np.ones((3, 3), np.uint8)
    inner = (rim & ~outermost).astype(np.uint8)
    beside_inner = cv2.dilate(inner, window) > 0
    return rim & ~(outermost & beside_inner)


def _inset(surface: Surface, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Move the outermost points of near sides INSET_PX away from what is behind them.

    Args:
        surface: of a depth map without flying pixels.
        near: (H, W) bool, the last pixels of near sides.
        far: (H, W) bool, the last pixels of far sides.

    Returns:
        All points (H, W, 3) of the surface.
    """
    view = surface.estimate.view
    # The far side lies about a pixel away, in the direction in which its mask grows.
    far_mask = far.astype(np.float32)
    right = _sobel(far_mask, 1, 0)
    down = _sobel(far_mask, 0, 1)
    steepness = np.hypot(right, down)
    is_moved = near & ~far & (steepness > 0)
    moved = np.nonzero(is_moved)

    gradient = [right[moved], down[moved]]
    towards_far = np.stack(gradient, axis=-1)  # (N, 2)
    length = steepness[moved][:, None]
    pixels = -INSET_PX * towards_far / length
    depth = surface.estimate.depth[moved]
    metres_per_pixel = depth / np.float32(view.fx)
    step = pixels * metres_per_pixel[:, None]  # (N, 2), x and y of the camera's frame

    x_and_y = rotation_of(view)[:, :2]  # those axes in the world
    points = surface.points.copy()
    points[moved] += step @ x_and_y.T
    return points


def _sobel(values: np.ndarray, right: int, down: int) -> np.ndarray:
    """Return the derivative of values (H, W) in one direction, over 3 x 3 pixels."""
    return cv2.Sobel(
        values,
        cv2.CV_32F,
        right,
        down,
        ksize=3,
        borderType=cv2.BORDER_REPLICATE,
    )
