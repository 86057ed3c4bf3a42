"""What the network says, weighed against what lines, colours and planes say.

Each is better at its own: lines at gravity, colours at the sky's edge, planes at keeping walls straight, the network at telling
rooms from streets and skies from ceilings, and at seeing what is no plane at all.
"""

from dataclasses import replace

import cv2
import numpy as np

from .gravity import LEAST_LINES, turned_so
from .pose import Pose
from .prediction import Prediction
from .refine import snap_mask
from .relief import Relief
from .sky import without_thin

_LEAST_SKY = 0.3  # mean of the network's probability: a sky that colours found and it doubts more is a wall or a lamp
_SURE_SKY, _LEAST_MORE = (
    0.6,
    0.002,
)  # probability, and share of the picture, of a sky that only the network sees
_CLOUD = 0.2  # probability: what floats in the sky is a cloud from here
_ROOM = 0.5  # probability: lamps and windows are no sky
_CUES = 2.0  # in logits: what sky, greenery and a look upwards weigh against the network's word on rooms
_SHARE = 0.4  # of the network in the depth of walls, in logarithms: planes have heard it already
_NEARER = (
    0.1,
    0.4,
)  # logarithms: what the network sees so much before all that begins, and is, a thing of its own
_THING_SHARE = 0.5  # of the network there
_ABOUT = 3.0  # cells: standard deviation of what counts as the surroundings of a silhouette
_LEAST_WEIGHT = 1e-3  # of pixels that count about a cell
_LEAST = 1e-6  # probability: even a sure network has a finite logit
_SURE_GROUND = 0.35, 0.65  # probabilities between which the plane's depth comes to hold alone


def corrected(found: Pose, said: Prediction, colours: np.ndarray) -> Pose:
    """A pose whose sky and, where lines say nothing, gravity are what the network can live with.

    Args:
        found: from lines and colours.
        said: by the network.
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    gravity = found.gravity
    if not gravity.trusted:
        # The two guesses err alike on the whole, the network by habit and level by photographers' play: their mean.
        gravity = turned_so(gravity, gravity.rotation[2] + said.up)
    sky = _supported(found.sky, said.sky) if found.sky.any() else found.sky
    if (
        said.indoors < _ROOM and gravity.lines >= LEAST_LINES
    ):  # in fog and on white walls it sees the sky too
        sky = _with_islands(_with_more(sky, said.sky, colours), said.sky)
    return replace(found, sky=without_thin(sky, colours), gravity=gravity)


def _with_more(sky: np.ndarray, said: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A sky (H, W) and what the network, (h, w) probabilities, alone is sure of."""
    cells = cv2.resize(sky.astype(np.float32), said.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    more, window = ((said > _SURE_SKY) & ~cells).astype(np.uint8), np.ones((3, 3), np.uint8)
    more = cv2.morphologyEx(more, cv2.MORPH_OPEN, window, borderValue=0)
    return (
        sky | snap_mask(cv2.dilate(more, window) > 0, colours) if more.mean() > _LEAST_MORE else sky
    )


def _with_islands(sky: np.ndarray, said: np.ndarray) -> np.ndarray:
    """A sky (H, W) with the clouds in it: pieces of what is left that do not stand on anything and may be sky too."""
    pieces, probability = _pieces(~sky, said, 8)
    clouds = probability > _CLOUD
    lower = pieces[len(pieces) // 2 :]
    clouds[np.concatenate([[0], lower[-1], lower[:, 0], lower[:, -1]])] = False
    return sky | clouds[pieces]


def _supported(found: np.ndarray, said: np.ndarray) -> np.ndarray:
    """The pieces of a sky (H, W) that the network, (h, w) probabilities, does not doubt."""
    pieces, probability = _pieces(found, said, 4)
    keep = probability > _LEAST_SKY
    keep[0] = False
    return keep[pieces]


def _pieces(mask: np.ndarray, said: np.ndarray, connectivity: int) -> tuple[np.ndarray, np.ndarray]:
    """Number (H, W) of each pixel's piece of a mask, 0 beside it, and each number's mean of probabilities (h, w)."""
    said = cv2.resize(said, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    count, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity)
    sizes = np.bincount(pieces.ravel(), minlength=count)
    return pieces, np.bincount(pieces.ravel(), said.ravel(), count) / np.maximum(sizes, 1)


def indoors(said: Prediction, cues: bool) -> bool:
    """Whether the photo was taken in a room.

    Args:
        said: by the network.
        cues: what the absence of sky and greenery says.
    """
    probability = min(max(said.indoors, _LEAST), 1 - _LEAST)
    return bool(np.log(probability / (1 - probability)) + (_CUES if cues else -_CUES) > 0)


def fused(
    planes: np.ndarray, ground: np.ndarray, sky: np.ndarray, relief: Relief, trust: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Depth of planes and network together.

    Args:
        planes: (H, W) metres: ground, upright planes and ceiling.
        ground: (H, W) bool: where that is the ground's.
        sky: (H, W) bool: says nothing of what stands before it.
        relief: what the network says.
        trust: 0..1, of the network's share: less where the photo says nothing.

    Returns:
        (H, W) float32 metres, and (H, W) bool: where both see the ground, whose depth is the plane's.
    """
    log = np.log(planes)
    level = cv2.resize(relief.prediction.ground, planes.shape[::-1], interpolation=cv2.INTER_LINEAR)
    level = np.where(ground, _ramp(level, _SURE_GROUND), 0).astype(np.float32)
    free = trust * (1 - level)
    # Away from silhouettes the smooth map is mixed in: a wall's windows must not become steps.
    log = log + free * _SHARE * (relief.smooth_log_depth - log)
    nearer = log - relief.sharp_log_depth
    log = log - free * _THING_SHARE * _ramp(nearer, _NEARER) * nearer
    # Beside them the network's own steps, moved as a whole to where both see the surroundings; never farther away, for it
    # loses the tips of roofs to what is behind.
    step = (
        relief.sharp_log_depth
        + _surroundings(log - relief.sharp_log_depth, ~sky, relief.prediction.log_depth.shape)
        - log
    )
    log = log + free * relief.edge_nearness * np.minimum(step, 0)
    return np.exp(log).astype(np.float32), level == 1


def _surroundings(values: np.ndarray, where: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """Means (H, W) over a few cells about each pixel of what lies within a mask (H, W); 0 where nothing does."""

    def mean(part: np.ndarray) -> np.ndarray:
        small = cv2.resize(part, cells[::-1], interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(small, (0, 0), _ABOUT, borderType=cv2.BORDER_REPLICATE)

    weight = mean(where.astype(np.float32))
    means = mean(np.where(where, values, np.float32(0))) / np.maximum(weight, _LEAST_WEIGHT)
    return cv2.resize(means, values.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _ramp(value: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """0 up to the first end, 1 from the second."""
    return np.clip((value - ends[0]) / (ends[1] - ends[0]), 0, 1)
