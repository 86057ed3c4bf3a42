"""The network's answer, weighed against that of lines, colours and planes.

Each is better at its own: lines at gravity, colours at the sky's edge, planes at keeping walls
straight, the network at telling rooms from streets and skies from ceilings, and at seeing things
that no plane fits.
"""

from dataclasses import replace

import cv2
import numpy as np

from .gravity import LEAST_LINES, turned_so
from .pose import Pose
from .prediction import Prediction
from .refine import snap_mask
from .relief import Relief
from .resampling import averaged, interpolated
from .sky import without_thin

# Of the sky. All probabilities are the network's.

# Least mean probability of a piece of sky that colours found; a piece below is a wall or a lamp.
_LEAST_SKY = 0.3
# Probability above which a cell is sky though colours found none there.
_SURE_SKY = 0.6
# Share of the picture's cells; less sky that only the network sees is noise.
_LEAST_MORE_SKY = 0.002
# Least mean probability of a cloud; a piece below that floats in the sky is a lamp or a balloon.
_LEAST_CLOUD = 0.2

# Of rooms.

# Probability of a room from which lamps and windows are not taken for sky.
_ROOM = 0.5
# Logits that sky, greenery and a look upwards weigh against the network's probability of a room.
_CUES_LOGIT = 2.0
# Probability: keeps the logit of a sure network finite.
_LEAST_PROBABILITY = 1e-6

# Of depth.

# The network's share in the log depth of walls. It is below one half because the planes were found
# with the network's depth as a guide: it counts twice.
_WALL_SHARE = 0.4
# The network's share in the log depth of things that stand before the planes.
_THING_SHARE = 0.5
# Log units by which the network is nearer than the planes where a thing begins to be likely.
_THING_BEGINS = 0.1
# Log units by which the network is nearer than the planes where a thing is sure.
_THING_SURE = 0.4
# Probability of ground at which the plane's depth begins to hold.
_GROUND_BEGINS = 0.35
# Probability of ground from which the plane's depth alone holds.
_GROUND_SURE = 0.65
# Cells: standard deviation of the window that is a silhouette's surroundings.
_SURROUNDINGS = 3.0
# Share of a cell's surroundings: keeps the division finite where all of them is sky.
_LEAST_WEIGHT = 1e-3


def corrected(pose: Pose, prediction: Prediction, colours: np.ndarray) -> Pose:
    """Correct a pose's sky by the network and, where lines give no gravity, its gravity.

    Args:
        pose: from lines and colours.
        prediction: the network's.
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    # Without lines there are two guesses of up: level, since most photos are taken so, and the
    # network's. On the whole they are equally wrong, so the mean of both counts.
    gravity = pose.gravity
    if not gravity.trusted:
        level_up = gravity.rotation[2]
        gravity = turned_so(gravity, level_up + prediction.up)

    sky = pose.sky
    if sky.any():
        sky = _supported(sky, prediction.sky)

    # Sky is added outdoors alone, and where there are lines: the network takes fog and white walls,
    # which have none, for sky.
    if prediction.indoors < _ROOM and gravity.lines >= LEAST_LINES:
        sky = _with_more(sky, prediction.sky, colours)
        sky = _with_clouds(sky, prediction.sky)

    return replace(pose, sky=without_thin(sky, colours), gravity=gravity)


def _supported(sky: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return the pieces of a sky (H, W) that the network does not doubt.

    Args:
        sky: (H, W) bool.
        probability: (h, w) float32, the network's.
    """
    pieces, mean_probability = _pieces(sky, probability, connectivity=4)
    keep = mean_probability > _LEAST_SKY
    keep[0] = False
    return keep[pieces]


def _with_more(sky: np.ndarray, probability: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Add to a sky (H, W) the cells that only the network is sure of.

    Args:
        sky: (H, W) bool.
        probability: (h, w) float32, the network's.
        colours: (H, W, 3) float32, sRGB-encoded: the added sky ends at the picture's edges.
    """
    grid_size = probability.shape[::-1]
    share = averaged(sky.astype(np.float32), grid_size)
    more = (probability > _SURE_SKY) & (share == 0)  # (h, w)

    # Cells that no window of three by three fits into are a rim along the sky that is there.
    window = np.ones((3, 3), np.uint8)
    more = cv2.morphologyEx(
        more.astype(np.uint8),
        cv2.MORPH_OPEN,
        window,
        borderValue=0,
    )
    if more.mean() <= _LEAST_MORE_SKY:
        return sky

    reach = cv2.dilate(more, window) > 0
    return sky | snap_mask(reach, colours)


def _with_clouds(sky: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Add to a sky (H, W) the clouds in it.

    A cloud is a piece of the rest that stands on nothing and that the network may take for sky.

    Args:
        sky: (H, W) bool.
        probability: (h, w) float32, the network's.
    """
    pieces, mean_probability = _pieces(~sky, probability, connectivity=8)
    is_cloud = mean_probability > _LEAST_CLOUD

    # What meets the picture's lower edge, or the lower half of its sides, stands on the ground.
    lower_half = pieces[len(pieces) // 2 :]
    is_cloud[lower_half[-1]] = False
    is_cloud[lower_half[:, 0]] = False
    is_cloud[lower_half[:, -1]] = False
    is_cloud[0] = False
    return sky | is_cloud[pieces]


def _pieces(
    mask: np.ndarray,
    probability: np.ndarray,
    connectivity: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected pieces of a mask.

    Args:
        mask: (H, W) bool.
        probability: (h, w) float32.
        connectivity: 4, or 8 if pieces that meet at a corner are one.

    Returns:
        (H, W) int32, the number of each pixel's piece, 0 beside the mask; and for each number the
        mean probability of its pixels.
    """
    count, pieces = cv2.connectedComponents(
        mask.astype(np.uint8),
        connectivity=connectivity,
    )
    values = interpolated(probability, mask.shape[::-1])
    numbers = pieces.ravel()
    sizes = np.bincount(numbers, minlength=count)
    sums = np.bincount(numbers, values.ravel(), count)
    return pieces, sums / np.maximum(sizes, 1)


def indoors(prediction: Prediction, cues: bool) -> bool:
    """Decide if the photo was taken in a room.

    Args:
        prediction: the network's.
        cues: true if neither sky nor greenery nor a look upwards shows that it was not.
    """
    probability = max(prediction.indoors, _LEAST_PROBABILITY)
    probability = min(probability, 1 - _LEAST_PROBABILITY)
    logit = np.log(probability / (1 - probability))
    cues_logit = _CUES_LOGIT if cues else -_CUES_LOGIT
    return bool(logit + cues_logit > 0)


def fused(
    planes: np.ndarray,
    ground: np.ndarray,
    sky: np.ndarray,
    relief: Relief,
    trust: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Fuse the depth of planes with the network's.

    Args:
        planes: (H, W) metres: ground, upright planes and ceiling.
        ground: (H, W) bool: where that is the ground's.
        sky: (H, W) bool: its depth does not count among the surroundings of a silhouette.
        relief: the network's.
        trust: 0..1, by which the network's share is multiplied.

    Returns:
        (H, W) float32 metres; and (H, W) bool, true where planes and network both see the ground,
        whose depth is the plane's.
    """
    log_depth = np.log(planes)  # (H, W)

    # Where both see the ground the plane's depth holds alone.
    probability = interpolated(relief.prediction.ground, planes.shape[::-1])
    is_ground = np.where(ground, _ramp(probability, _GROUND_BEGINS, _GROUND_SURE), 0)
    is_ground = is_ground.astype(np.float32)
    free = trust * (1 - is_ground)

    # Walls: the smooth map is mixed in, so that a wall's windows do not become steps.
    beyond = relief.smooth_log_depth - log_depth
    log_depth = log_depth + free * _WALL_SHARE * beyond

    # Things: where the network sees something far nearer than the plane, it is a thing before it.
    nearer = log_depth - relief.sharp_log_depth
    is_thing = _ramp(nearer, _THING_BEGINS, _THING_SURE)
    log_depth = log_depth - free * _THING_SHARE * is_thing * nearer

    # Silhouettes: the network's steps, moved as a whole to the depth that the surroundings have by
    # now. They only come nearer: the network loses the tips of roofs to the background.
    offset = _surroundings(
        log_depth - relief.sharp_log_depth,
        ~sky,
        relief.prediction.log_depth.shape,
    )
    step = relief.sharp_log_depth + offset - log_depth
    step = np.minimum(step, 0)
    log_depth = log_depth + free * relief.edge_nearness * step

    depth = np.exp(log_depth).astype(np.float32)
    return depth, is_ground == 1


def _surroundings(
    values: np.ndarray,
    mask: np.ndarray,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Average values over a few cells about each pixel.

    Args:
        values: (H, W) float32.
        mask: (H, W) bool: only values within it count.
        shape: (h, w) of the cells.

    Returns:
        (H, W) float32; near 0 where the mask is empty.
    """
    weight = _blurred(mask.astype(np.float32), shape)
    masked = np.where(mask, values, np.float32(0))
    sums = _blurred(masked, shape)
    means = sums / np.maximum(weight, _LEAST_WEIGHT)  # (h, w)
    return interpolated(means, values.shape[::-1])


def _blurred(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Average a map (H, W) over cells (h, w) and their surroundings."""
    cells = averaged(values, shape[::-1])
    return cv2.GaussianBlur(
        cells,
        (0, 0),
        _SURROUNDINGS,
        borderType=cv2.BORDER_REPLICATE,
    )


def _ramp(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """Rise from 0 at the start, and before it, to 1 at the end, and after it."""
    return np.clip((value - start) / (end - start), 0, 1)
