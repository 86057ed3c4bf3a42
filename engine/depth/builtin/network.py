"""The depth network without torch: its graph in NumPy, its weights from `weights/`, half a dozen kinds of layer.

photo ─► at about 36 thousand pixels and at a quarter of them, with rays and gravity ─► U-Net, and again mirrored ─► log depth
in camera heights, its spread, sky, normals, what lies behind silhouettes ─► `Prediction`

`training/model.py` is the same graph for training, and says why it is so; a test holds the two together.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ...camera import View
from ...errors import DepthError
from .enlarge import beside_steps, enlarge

# Of the graph; the trainer's model imports them.
INPUTS = 8  # red, green, blue, ray x, ray y, sine of elevation, whether gravity is known, log depth of the unit plane
WIDTHS = (
    24,
    48,
    80,
    128,
    16,
)  # channels at 1/2, 1/4, 1/8, 1/16, and of the last layer at full size
MAPS = ("things", "spread", "sky", "normal x", "normal y", "normal z", "second", "ground")
SCALARS = ("scale", "height", "indoors", "tilt x", "tilt z")
FAR_LOG = 4.5  # log camera heights at which the planes of ground and ceiling end
_STRIDE = 16  # sides are multiples of it

PIXELS = 36_000  # of the network's own grid: above the 33 thousand of its training's largest pictures silhouettes still gain
_COARSE = (
    9_000  # of a second grid: there the whole is right more often, and there are no silhouettes
)
_WHOLE = 6.0  # cells: standard deviation of what the coarse grid knows better
_FINEST = 0.5  # of the picture's own grid: what is finer has no edge to follow
WEIGHTS = Path(__file__).parent / "weights" / "depth.npz"
_LEAST_UP = 1e-6
LEAST_INVERSE = 1e-4  # of camera heights: ten kilometres
_LEVEL_UP = np.array(
    [0.0, -1.0, 0.0]
)  # in the camera's axes: what the network is told where gravity is not known
_LEAST_SIDE = 48  # pixels
_SOME_SKY = 0.2  # probability: cells with more are partly sky
_STEP, _BEND = (
    0.35,
    0.0875,
)  # in log depth, within a window and of a cell against its neighbours: a silhouette
_FADE = 1.0  # cells: standard deviation with which the neighbourhood of a silhouette ends
_RIM = 7  # cells a side of those surroundings
_MOST_SPREAD = 2.0  # log units
_LEVEL = 0.85  # cosine to the vertical: what is as level as this may be ground
_MOST_LACKING = 0.6  # log units; what is farther off the ground's plane is no ground
_LEAST_FLOOR = 0.03  # of the picture


@dataclass(frozen=True, eq=False)
class Relief:
    """The network's depth at a picture's size."""

    said: "Prediction"
    sharp: (
        np.ndarray
    )  # (H, W) float32, log of planar metres, with silhouettes where the picture's edges are
    smooth: np.ndarray  # (H, W) float32, the same without
    beside: np.ndarray  # (H, W) float32, 0..1: how near a silhouette is


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says, on its own grid (h, w)."""

    log_depth: np.ndarray  # (h, w) float32, log of planar depth over the camera's height
    spread: np.ndarray  # (h, w) float32, mean absolute error of the log depth that it expects
    sky: np.ndarray  # (h, w) float32, probability
    normal: np.ndarray  # (h, w, 3) float32, camera frame, unit
    second: (
        np.ndarray
    )  # (h, w) float32, log of depth behind the nearest object over the camera's height
    ground: np.ndarray  # (h, w) float32, probability that it is the ground or a floor
    height: float  # metres of the camera above the ground, a guess from the look of things
    indoors: float  # probability
    up: np.ndarray  # (3,) the world's up in the camera's axes, as the network sees it

    def relief(self, view: View, colours: np.ndarray, sky: np.ndarray, lock: float) -> "Relief":
        """Its depth on the view's grid, in metres; in the sky what is none goes on, lest it bleeds over the sky's edge.

        Args:
            view: of the picture, posed over z = 0.
            colours: (H, W, 3) float32, sRGB-encoded: silhouettes are drawn where its edges are.
            sky: (H, W) bool, beside what it takes for sky itself.
            lock: 0..1, how far its ground is moved to the view's.
        """
        log = self._without_sky(sky) + np.float32(lock * self._off_the_ground(view))
        log += np.float32(np.log(view.position[2]))
        size = view.width, view.height
        smooth = cv2.resize(log, size, interpolation=cv2.INTER_LINEAR)
        steps = cv2.dilate(beside_steps(log, _STEP, _BEND), np.ones((3, 3), np.uint8)).astype(
            np.float32
        )
        beside = cv2.resize(
            cv2.GaussianBlur(steps, (0, 0), _FADE), size, interpolation=cv2.INTER_LINEAR
        )
        return Relief(self, enlarge(log, colours), smooth, beside)

    def _without_sky(self, sky: np.ndarray) -> np.ndarray:
        """(h, w) log depth, in its own and in that sky (H, W) that of the nearest cell that is none.

        It draws a skyline's last cells between thing and sky: they take the nearest depth of their surroundings.
        """
        height, width = self.log_depth.shape
        share = cv2.resize(sky.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        free = (np.maximum(self.sky, share) > _SOME_SKY).astype(np.uint8)
        if free.all() or not free.any():
            return self.log_depth
        window = np.ones((_RIM, _RIM), np.uint8)
        nearest = cv2.erode(np.where(free, np.float32(np.inf), self.log_depth), window)
        log = np.where(cv2.dilate(free, window) > 0, nearest, self.log_depth)
        labels = cv2.distanceTransformWithLabels(
            free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )[1]
        value = np.zeros(labels.max() + 1, np.float32)
        value[labels[free == 0]] = log[free == 0]
        return value[labels]

    def _off_the_ground(self, view: View) -> float:
        """What the log depth lacks, on average, where the network sees ground; 0 where it sees too little of it."""
        height, width = self.log_depth.shape
        up = view.world_from_camera[2, :3]
        climb = view.resized(width, height).rays() @ up
        lacks = -np.log(np.maximum(-climb, _LEAST_UP)) - self.log_depth
        floor = (climb < 0) & (self.normal @ up > _LEVEL) & (np.abs(lacks) < _MOST_LACKING)
        return float(np.median(lacks[floor])) if floor.mean() > _LEAST_FLOOR else 0.0


def available() -> bool:
    """Whether the weights are there."""
    return WEIGHTS.is_file()


def predict(colours: np.ndarray, view: View, known: bool) -> Prediction:
    """Run the network on a picture and on its mirror image, finely for silhouettes and coarsely for the whole.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        view: of the picture; its pose says where up is.
        known: whether gravity was measured; assumed level is not.

    Raises:
        DepthError: the weights are missing or damaged.
    """
    return run(load(WEIGHTS), colours, view, known)


def run(net: "Network", colours: np.ndarray, view: View, known: bool) -> Prediction:
    """As `predict`, with given weights."""
    told = view.world_from_camera[2, :3] if known else _LEVEL_UP
    depth, maps, scalars = _both_ways(
        net, colours, view.resized(*grid(view.width, view.height)), told, known
    )
    whole, coarse, others = _both_ways(
        net, colours, view.resized(*grid(view.width, view.height, _COARSE)), told, known
    )
    size = depth.shape[::-1]
    # Its training's smallest pictures show the network what belongs together; its largest, where things end.
    lacks = cv2.resize(whole, size, interpolation=cv2.INTER_LINEAR) - depth
    depth = depth + cv2.GaussianBlur(lacks, (0, 0), _WHOLE, borderType=cv2.BORDER_REPLICATE) / 2
    maps = (
        maps + np.stack([cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in coarse])
    ) / 2
    scalars = (scalars + others) / 2
    normal = np.moveaxis(maps[3:6], 0, -1)
    return Prediction(
        log_depth=depth,
        spread=np.exp(np.minimum(maps[1], np.log(_MOST_SPREAD))),
        sky=_sigmoid(maps[2]),
        normal=normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6),
        second=depth + np.logaddexp(0, maps[6]),
        height=float(np.exp(scalars[1])),
        ground=_sigmoid(maps[7]),
        indoors=float(_sigmoid(scalars[2])),
        up=_corrected(told, scalars),
    )


def _both_ways(
    net: "Network", colours: np.ndarray, view: View, told: np.ndarray, known: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log depth (h, w), maps (8, h, w) and scalars (5,): means over a picture on a view's grid and its mirror image."""
    x = inputs(colours, view, known)
    maps, scalars = net(x)
    other, others = net(mirrored(x))
    other = other[..., ::-1].copy()
    other[MAPS.index("normal x")] *= -1
    others[SCALARS.index("tilt x")] *= -1
    depth = (_log_depth(x, told, maps, scalars) + _log_depth(x, told, other, others)) / 2
    return depth, (maps + other) / 2, (scalars + others) / 2


def grid(width: int, height: int, pixels: int = PIXELS) -> tuple[int, int]:
    """The network's own size for a picture, half of the picture's at most: its aspect as nearly as multiples of 16 allow."""
    scale = min((pixels / (width * height)) ** 0.5, _FINEST)
    sides = (max(_LEAST_SIDE, round(side * scale / _STRIDE) * _STRIDE) for side in (width, height))
    most = 2 * pixels // _LEAST_SIDE // _STRIDE * _STRIDE
    across, down = (min(side, most) for side in sides)
    return across, down


def inputs(colours: np.ndarray, view: View, known: bool) -> np.ndarray:
    """What the network sees, (8, h, w) float32.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded, of any size.
        view: of the network's grid.
        known: whether its pose's gravity was measured.
    """
    small = cv2.resize(
        np.clip(colours, 0, 1), (view.width, view.height), interpolation=cv2.INTER_AREA
    )
    rays = view.rays().astype(np.float32)
    climb = rays @ view.world_from_camera[2, :3].astype(np.float32)
    flag = np.float32(known)
    plane = np.clip(-np.log(np.maximum(np.abs(climb), _LEAST_UP)), -FAR_LOG, FAR_LOG) * flag
    sine = climb / np.linalg.norm(rays, axis=-1) * flag
    planes = [rays[..., 0], rays[..., 1], sine, np.full_like(sine, flag), plane]
    return np.concatenate([2 * np.moveaxis(small, -1, 0) - 1, planes]).astype(np.float32)


def mirrored(x: np.ndarray) -> np.ndarray:
    """The same input seen in a mirror."""
    other = x[..., ::-1].copy()
    other[3] *= -1  # ray x
    return other


class Network:
    """The graph with its weights."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        """Take folded weights: NAME.weight (out, in, k, k) and NAME.bias (out,) for each convolution."""
        self.weights = {
            name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()
        }

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(8, h, w) to raw maps (8, h, w) and scalars (5,)."""
        half = self._block("stem.1", self._rectified("stem.0", x, stride=2))
        quarter = self._block("down4.1", self._rectified("down4.0", half, stride=2))
        eighth = self._rectified("down8.0", quarter, stride=2)
        eighth = self._block("down8.2", self._block("down8.1", eighth))
        low = self._rectified("down16.0", eighth, stride=2)
        low = self._context("down16.2", self._block("down16.1", low, 2))
        low = self._context("down16.4", self._block("down16.3", low, 3))
        low = self._block("down16.5", low)
        y = self._up("up8", low, eighth)
        y = self._up("up2", self._up("up4", y, quarter), half)
        y = self._rectified("fine", np.concatenate([_doubled(y), x]))
        pooled = low.mean((1, 2), keepdims=True)
        return self._conv("maps", y), self._conv("scalars", pooled)[:, 0, 0]

    def _conv(self, name: str, x: np.ndarray, stride: int = 1, dilation: int = 1) -> np.ndarray:
        return convolve(
            x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], stride, dilation
        )

    def _rectified(self, name: str, x: np.ndarray, stride: int = 1) -> np.ndarray:
        return np.maximum(self._conv(name, x, stride), 0)

    def _block(self, name: str, x: np.ndarray, dilation: int = 1) -> np.ndarray:
        return np.maximum(
            x + self._conv(f"{name}.second", self._rectified(f"{name}.first", x), 1, dilation), 0
        )

    def _context(self, name: str, x: np.ndarray) -> np.ndarray:
        column, row = x.mean(1, keepdims=True), x.mean(2, keepdims=True)
        whole = self._conv(f"{name}.whole", column.mean(2, keepdims=True))
        return x + whole + self._conv(f"{name}.column", column) + self._conv(f"{name}.row", row)

    def _up(self, name: str, x: np.ndarray, skip: np.ndarray) -> np.ndarray:
        joined = self._rectified(f"{name}.join", np.concatenate([_doubled(x), skip]))
        return self._rectified(f"{name}.smooth", joined)


@lru_cache(maxsize=2)
def load(path: Path) -> Network:
    """Read folded weights.

    Args:
        path: an .npz that the trainer's export wrote.

    Raises:
        DepthError: it is missing, damaged or of another graph.
    """
    try:
        with np.load(path) as stored:
            about = json.loads(str(stored["about"]))
            weights = {name: stored[name] for name in stored.files if name != "about"}
    except (OSError, ValueError, KeyError) as error:
        raise DepthError(
            f"The depth network's weights in {path.name} cannot be read; install AnchorStage again."
        ) from error
    if about.get("graph") != graph():
        raise DepthError(
            f"The depth network's weights in {path.name} are of another version; install AnchorStage again."
        )
    return Network(weights)


def graph() -> str:
    """A name for the graph that weights must fit."""
    return f"unet, nearer {INPUTS} {WIDTHS} {len(MAPS)} {len(SCALARS)}"


def convolve(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int = 1, dilation: int = 1
) -> np.ndarray:
    """Convolution with zeros about the picture, as one matrix product over unfolded windows.

    Args:
        x: (C, h, w) float32.
        weight: (O, C, k, k), k odd.
        bias: (O,).
        stride: of the output.
        dilation: of the window.

    Returns:
        (O, ceil(h / stride), ceil(w / stride)) float32.
    """
    size = weight.shape[-1]
    if size == 1:
        return np.tensordot(weight[..., 0, 0], x, 1) + bias[:, None, None]
    pad = dilation * (size // 2)
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    channels, height, width = x.shape
    shape = channels, size, size, -(-height // stride), -(-width // stride)
    c, h, w = padded.strides
    windows = np.lib.stride_tricks.as_strided(
        padded, shape, (c, h * dilation, w * dilation, h * stride, w * stride)
    )
    product = weight.reshape(len(weight), -1) @ windows.reshape(channels * size * size, -1)
    return (product + bias[:, None]).reshape(-1, *shape[3:])


def _doubled(x: np.ndarray) -> np.ndarray:
    """Each pixel as two by two."""
    return x.repeat(2, 1).repeat(2, 2)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return (0.5 * (1 + np.tanh(0.5 * x))).astype(np.float32)


def _corrected(up: np.ndarray, scalars: np.ndarray) -> np.ndarray:
    """The up (3,) that it was told, turned by what it says of it."""
    turned = up + np.array([scalars[3], 0.0, scalars[4]])
    return turned / np.linalg.norm(turned)


def _log_depth(
    x: np.ndarray, told: np.ndarray, maps: np.ndarray, scalars: np.ndarray
) -> np.ndarray:
    """Log of depth over camera height: the nearer of the ground and of what stands before it."""
    up = _corrected(told, scalars)
    ground = -(x[3] * up[0] + x[4] * up[1] + up[2])
    return np.minimum(-np.log(np.maximum(ground, LEAST_INVERSE)), maps[0] + scalars[0]).astype(
        np.float32
    )
