"""The loss of the depth network: a weighted sum of errors in depth, normals, masks and scalars.

Scale-invariant log depth after Eigen 2014 with absolute errors; log gradients at several scales
after Li and Snavely 2018 (MegaDepth); the predicted spread as a Laplace likelihood (Kendall and
Gal 2017).
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from .model import corrected, logs
from .raycast import GROUND
from .shading import Truth

# Weights of the parts, beside 1 for the aligned log depth. Those marked "study" come from a study
# of a first network; the others weigh what was new after it, and were chosen by eye.
_GRADIENT = 0.5  # of the log gradients (study)
_ABSOLUTE = 0.3  # of the log depth without alignment (study)
_SPREAD = 0.1  # of the Laplace likelihood (study)
_SKY = 0.3  # of the mask of the sky (study)
_INDOORS = 0.1  # of "this is a room" (study)
_NORMAL = 0.12  # of the normals: 1 minus a cosine
_SECOND = 0.08  # of the log depth behind silhouettes
_HEIGHT = 0.05  # of the log height of the camera
_TILT = 2.0  # of the error of the corrected gravity: the length of a difference of unit vectors
_GROUND = 0.3  # of the mask of the ground

_ALIGNED = 1.5  # divides the aligned error, because silhouettes make it weigh more than 1
_SCALES = 3  # octaves of gradients
_EDGE_STEP = 0.15  # log units: a step of depth above this is a silhouette
_EDGE_WEIGHT = 4.0  # how much more a silhouette weighs than the rest
_LEVEL = 0.95  # cosine between normal and up: a room's walls and ceiling are not the ground
_MOST_ERROR = 3.0  # log units; more is an accident of a wall right before the lens
_SPREADS = (-6.0, 3.0)  # limits of the predicted log spread, so that no pixel rules the likelihood


class Losses(NamedTuple):
    """The sum, and those of its parts that are watched."""

    total: torch.Tensor
    aligned: torch.Tensor  # mean absolute log error after alignment of the mean
    absolute: torch.Tensor  # mean absolute log error without it


def losses(
    x: torch.Tensor,
    up: torch.Tensor,
    maps: torch.Tensor,
    scalars: torch.Tensor,
    truth: Truth,
) -> Losses:
    """Compare the network's answer with the truth.

    Args:
        x: the network's input, (B, 8, H, W).
        up: the gravity that the network was given, (B, 3).
        maps: the network's maps, (B, 8, H, W).
        scalars: the network's scalars, (B, 5).
        truth: of the same pictures.
    """
    is_solid = ~truth.sky
    is_level = is_ground(truth)
    height = truth.camera.height.log()
    true_log = truth.depth.log() - height[:, None, None]

    # Standing things are compared on the map that draws them, even if the plane of the ground is
    # nearer: a minimum of two maps teaches only the nearer one.
    floor, things = logs(x, up, maps, scalars)
    nearest = torch.minimum(floor, things)
    predicted_log = torch.where(is_level, nearest, things)

    # log depth, absolute and after the mean error of each picture is taken away
    error = (predicted_log - true_log).clamp(-_MOST_ERROR, _MOST_ERROR)
    shift = _mean(error, is_solid).detach()
    centred = (error - shift[:, None, None]).abs()
    edges = 1 + _EDGE_WEIGHT * _silhouettes(true_log, is_solid)
    aligned = _mean(centred, is_solid)
    absolute = _mean(error.abs(), is_solid)

    hides = is_solid & (truth.second > truth.depth)
    gap = _gap_error(maps[:, 6], truth)
    tilt = corrected(up, scalars) - truth.camera.up
    height_error = (scalars[:, 1] - height).abs()
    # the sum is in this order, because another one would round otherwise
    total = (
        _mean(centred * edges, is_solid) / _ALIGNED
        + _GRADIENT * _gradients(predicted_log, true_log, is_solid)
        + _ABSOLUTE * absolute
        + _SPREAD * _likelihood(maps[:, 1], centred, is_solid)
        + _SKY * _mask_error(maps[:, 2], truth.sky)
        + _INDOORS * _cross_entropy(scalars[:, 2], truth.indoors)
        + _NORMAL * _normal_error(maps[:, 3:6], truth.normal, is_solid)
        + _SECOND * _mean(gap * edges, hides)
        + _GROUND * _mask_error(maps[:, 7], is_level)
        + _HEIGHT * height_error
        + _TILT * tilt.norm(dim=1)
    )
    return Losses(
        total=total.mean(),
        aligned=aligned.mean().detach(),
        absolute=absolute.mean().detach(),
    )


def is_ground(truth: Truth) -> torch.Tensor:
    """Return the mask of the ground or of a room's floor, (B, H, W) bool."""
    up = truth.camera.up[:, :, None, None]
    cosine = (truth.normal * up).sum(1)
    is_level = cosine > _LEVEL
    is_ours = truth.owner == GROUND
    return is_level & is_ours & ~truth.sky


def _likelihood(
    log_spread: torch.Tensor,
    error: torch.Tensor,
    is_solid: torch.Tensor,
) -> torch.Tensor:
    """Return the negative log likelihood of the errors, whose scale the network predicts, (B,)."""
    log_spread = log_spread.clamp(*_SPREADS)
    # detached: the spread follows the error, and not the error the spread
    in_spreads = error.detach() * torch.exp(-log_spread)
    return _mean(in_spreads + log_spread, is_solid)


def _normal_error(
    predicted: torch.Tensor,
    true: torch.Tensor,
    is_solid: torch.Tensor,
) -> torch.Tensor:
    cosine = functional.cosine_similarity(predicted, true, dim=1)
    return _mean(1 - cosine, is_solid)


def _mask_error(logit: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return _cross_entropy(logit, mask).mean((1, 2))


def _cross_entropy(logit: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return functional.binary_cross_entropy_with_logits(logit, truth.float(), reduction="none")


def _gap_error(predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
    """Return the error of the log depth between the first surface and what it hides, (B, H, W)."""
    # the second layer is farther by definition, so that the network gives a gap of at least 0
    first = truth.depth.clamp_max(truth.second)
    true_gap = truth.second.log() - first.log()
    error = true_gap - functional.softplus(predicted)
    return error.abs().clamp_max(_MOST_ERROR)


def _mean(value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean over a mask of each picture, (B,); 0 where the mask is empty."""
    total = (value * mask).sum((1, 2))
    count = mask.sum((1, 2))
    return total / count.clamp_min(1)


def _steps(value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the differences to the right and to the lower neighbour."""
    across = value[..., :, 1:] - value[..., :, :-1]
    down = value[..., 1:, :] - value[..., :-1, :]
    return across, down


def _both(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where a pixel and its right neighbour, or its lower one, are in a mask."""
    left = mask[..., :, :-1]
    right = mask[..., :, 1:]
    above = mask[..., :-1, :]
    below = mask[..., 1:, :]
    return left & right, above & below


def _silhouettes(log_depth: torch.Tensor, is_solid: torch.Tensor) -> torch.Tensor:
    """Return 1 on both sides of a step of depth and 0 elsewhere, (B, H, W)."""
    high = functional.max_pool2d(log_depth, 3, 1, 1)
    low = -functional.max_pool2d(-log_depth, 3, 1, 1)
    # A plane seen at a grazing angle steps too, but evenly: the middle lies halfway.
    bend = (high + low - 2 * log_depth).abs()
    return ((bend > _EDGE_STEP) & is_solid).float()


def _gradients(
    predicted: torch.Tensor,
    true: torch.Tensor,
    is_solid: torch.Tensor,
) -> torch.Tensor:
    """Return the mean error of log gradients over the octaves, (B,); silhouettes weigh more."""
    total = torch.zeros(len(predicted), device=predicted.device)
    for octave in range(_SCALES):
        # every second pixel, then every fourth: without averaging, which would blur silhouettes
        step = 2**octave
        chosen = (slice(None), slice(None, None, step), slice(None, None, step))
        gradients = _steps(predicted[chosen])
        true_gradients = _steps(true[chosen])
        masks = _both(is_solid[chosen])
        for gradient, true_gradient, mask in zip(gradients, true_gradients, masks, strict=True):
            is_edge = true_gradient.abs() > _EDGE_STEP
            weight = 1 + _EDGE_WEIGHT * is_edge
            error = (gradient - true_gradient).abs()
            error = error.clamp_max(_MOST_ERROR) * weight
            total = total + _mean(error, mask) / (2 * _SCALES)
    return total
