"""The depth network on a picture: its input, and the meaning of its output.

photo ─► at about 36 thousand pixels and at a quarter of them, with rays and gravity
      ─► the network, and again mirrored
      ─► log depth in camera heights, its expected error, sky, normals, ground ─► `Prediction`
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...camera import View
from . import network
from .network import FAR_LOG, LEAST_INVERSE, MAPS, SCALARS, Network
from .resampling import averaged, interpolated

# The planes of the normal stand beside one another, so that one slice takes all three.
_NORMAL = slice(MAPS.index("normal x"), MAPS.index("normal z") + 1)
_RAY_X = 3  # plane of the input
_RAY_Y = 4  # plane of the input

# Pixels of the network's grid. Above the 33 thousand of the largest pictures that it was trained on
# silhouettes still gain.
PIXELS = 36_000
# Pixels of a second grid, on which the large distances are right more often, without silhouettes.
_COARSE_PIXELS = 9_000
# Cells: standard deviation of the blur that takes only large shapes from the coarse grid.
_LARGE_SHAPES = 6.0
_STRIDE = 16  # the grid's sides are multiples of it: the graph halves them four times
_LEAST_SIDE = 48  # cells of the grid
_FINEST = 0.5  # of the picture's size: on a finer grid no picture edge is left to follow

_LEAST_UP = 1e-6  # of a ray of unit depth: keeps the logarithm of its climb finite
_LEAST_NORM = 1e-6  # keeps the division by a normal's length finite
_MOST_SPREAD = 2.0  # log units that the network may expect as its own error

# World's up in the camera's axes where gravity is not known: a camera that is held level.
_LEVEL_UP = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True, eq=False)
class Prediction:
    """The network's answer for a picture, on the network's grid (h, w)."""

    log_depth: np.ndarray  # (h, w) float32, log of planar depth over the camera's height
    spread: np.ndarray  # (h, w) float32, mean absolute error that it expects of the log depth
    sky: np.ndarray  # (h, w) float32, probability
    normal: np.ndarray  # (h, w, 3) float32, camera frame, unit
    ground: np.ndarray  # (h, w) float32, probability that it is the ground or a floor
    indoors: float  # probability
    up: np.ndarray  # (3,) world's up in the camera's axes, as the network corrects it


def predict(colours: np.ndarray, view: View, gravity_known: bool) -> Prediction:
    """Run the network on a picture and on its mirror image, on a fine and on a coarse grid.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        view: of the picture; its pose gives the direction of up.
        gravity_known: true if gravity was measured; an assumed level camera is not.

    Raises:
        DepthError: the weights are missing or damaged.
    """
    return run(network.load(network.WEIGHTS), colours, view, gravity_known)


def run(net: Network, colours: np.ndarray, view: View, gravity_known: bool) -> Prediction:
    """Do as `predict`, with given weights."""
    up = view.world_from_camera[2, :3] if gravity_known else _LEVEL_UP
    fine_size = grid(view.width, view.height)
    depth, maps, scalars = _both_ways(
        net,
        colours,
        view.resized(*fine_size),
        up,
        gravity_known,
    )
    coarse_size = grid(view.width, view.height, _COARSE_PIXELS)
    coarse_depth, coarse_maps, coarse_scalars = _both_ways(
        net,
        colours,
        view.resized(*coarse_size),
        up,
        gravity_known,
    )

    # On small pictures the network sees large shapes as a whole, on large ones where things end:
    # of the coarse depth only the difference in large shapes counts, and one half of it.
    difference = interpolated(coarse_depth, fine_size) - depth
    large_shapes = cv2.GaussianBlur(
        difference,
        (0, 0),
        _LARGE_SHAPES,
        borderType=cv2.BORDER_REPLICATE,
    )
    depth = depth + large_shapes / 2

    # Of all else both grids know equally much: their mean.
    enlarged = np.stack([interpolated(plane, fine_size) for plane in coarse_maps])
    maps = (maps + enlarged) / 2
    scalars = (scalars + coarse_scalars) / 2

    return _prediction(depth, maps, scalars, up)


def _prediction(
    log_depth: np.ndarray,
    maps: np.ndarray,
    scalars: np.ndarray,
    up: np.ndarray,
) -> Prediction:
    """Turn the network's raw maps and scalars into errors, probabilities, normals and up."""
    named_map = dict(zip(MAPS, maps, strict=True))
    named_scalar = dict(zip(SCALARS, scalars, strict=True))
    log_spread = np.minimum(named_map["spread"], np.log(_MOST_SPREAD))
    normal = np.moveaxis(maps[_NORMAL], 0, -1)  # (h, w, 3)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    return Prediction(
        log_depth=log_depth,
        spread=np.exp(log_spread),
        sky=_sigmoid(named_map["sky"]),
        normal=normal / np.maximum(length, _LEAST_NORM),
        ground=_sigmoid(named_map["ground"]),
        indoors=float(_sigmoid(named_scalar["indoors"])),
        up=_corrected_up(up, scalars),
    )


def _both_ways(
    net: Network,
    colours: np.ndarray,
    view: View,
    up: np.ndarray,
    gravity_known: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run the network on a picture and on its mirror image; return the means of both answers.

    Args:
        net: the network.
        colours: (H, W, 3) float32, sRGB-encoded.
        view: of the network's grid (h, w).
        up: (3,) world's up in the camera's axes.
        gravity_known: true if `up` was measured.

    Returns:
        Log depth (h, w) in camera heights, raw maps (8, h, w) and raw scalars (5,).
    """
    x = inputs(colours, view, gravity_known)
    maps, scalars = net(x)
    depth = _log_depth(x, up, maps, scalars)

    # The mirror image's answer is mirrored back: places and directions to the right turn left.
    mirror_maps, mirror_scalars = net(mirrored(x))
    mirror_maps = mirror_maps[..., ::-1].copy()
    mirror_maps[MAPS.index("normal x")] *= -1
    mirror_scalars[SCALARS.index("tilt x")] *= -1
    mirror_depth = _log_depth(x, up, mirror_maps, mirror_scalars)

    mean_depth = (depth + mirror_depth) / 2
    mean_maps = (maps + mirror_maps) / 2
    mean_scalars = (scalars + mirror_scalars) / 2
    return mean_depth, mean_maps, mean_scalars


def grid(width: int, height: int, pixels: int = PIXELS) -> tuple[int, int]:
    """Choose the network's grid for a picture.

    Args:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        pixels: of the grid, about.

    Returns:
        Width and height, at most half of the picture's; they keep the picture's aspect as nearly as
        multiples of 16 allow.
    """
    scale = min((pixels / (width * height)) ** 0.5, _FINEST)
    # A panorama's long side is cut, or its short side's minimum would make the grid too large.
    longest = 2 * pixels // _LEAST_SIDE // _STRIDE * _STRIDE
    across = round(width * scale / _STRIDE) * _STRIDE
    across = min(max(_LEAST_SIDE, across), longest)
    down = round(height * scale / _STRIDE) * _STRIDE
    down = min(max(_LEAST_SIDE, down), longest)
    return across, down


def inputs(colours: np.ndarray, view: View, gravity_known: bool) -> np.ndarray:
    """Make the network's input of a picture, (8, h, w) float32.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded, of any size.
        view: of the network's grid (h, w).
        gravity_known: true if the gravity of the view's pose was measured; else it is kept back.
    """
    size = view.width, view.height
    small = averaged(np.clip(colours, 0, 1), size)
    rays = view.rays().astype(np.float32)  # (h, w, 3), camera frame, unit depth
    up = view.world_from_camera[2, :3].astype(np.float32)
    climb = rays @ up  # (h, w), rise of a ray at unit depth
    known = np.float32(gravity_known)

    # Log depth at which a ray meets the plane one unit below or above the camera.
    steepness = np.maximum(np.abs(climb), _LEAST_UP)
    plane_depth = np.clip(-np.log(steepness), -FAR_LOG, FAR_LOG) * known
    sine = climb / np.linalg.norm(rays, axis=-1) * known

    channels = 2 * np.moveaxis(small, -1, 0) - 1  # (3, h, w), -1..1
    planes = [
        rays[..., 0],
        rays[..., 1],
        sine,
        np.full_like(sine, known),
        plane_depth,
    ]
    return np.concatenate([channels, planes]).astype(np.float32)


def mirrored(x: np.ndarray) -> np.ndarray:
    """Mirror an input left to right: its columns, and the direction of its rays."""
    other = x[..., ::-1].copy()
    other[_RAY_X] *= -1
    return other


def _sigmoid(x: np.ndarray) -> np.ndarray:
    half_tanh = np.tanh(0.5 * x)  # does not overflow, unlike exp(-x)
    return (0.5 * (1 + half_tanh)).astype(np.float32)


def _corrected_up(up: np.ndarray, scalars: np.ndarray) -> np.ndarray:
    """Turn the up (3,) that was the network's input by the tilt that the network found."""
    tilt_x = scalars[SCALARS.index("tilt x")]
    tilt_z = scalars[SCALARS.index("tilt z")]
    turned = up + np.array([tilt_x, 0.0, tilt_z])
    return turned / np.linalg.norm(turned)


def _log_depth(
    x: np.ndarray,
    up: np.ndarray,
    maps: np.ndarray,
    scalars: np.ndarray,
) -> np.ndarray:
    """Compute the log of depth over camera height: of the ground, or of a nearer thing before it.

    Args:
        x: (8, h, w) the network's input.
        up: (3,) that the input was made with, in the camera's axes.
        maps: (8, h, w) raw.
        scalars: (5,) raw.

    Returns:
        (h, w) float32.
    """
    # A ray meets the ground, one camera height below, at the inverse of its descent.
    up = _corrected_up(up, scalars)
    ray_x = x[_RAY_X]
    ray_y = x[_RAY_Y]
    descent = -(ray_x * up[0] + ray_y * up[1] + up[2])
    ground = -np.log(np.maximum(descent, LEAST_INVERSE))
    things = maps[MAPS.index("things")] + scalars[SCALARS.index("scale")]
    return np.minimum(ground, things).astype(np.float32)
