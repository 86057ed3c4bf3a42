"""What the network is to get right, and how much each matters.

Scale-invariant log depth after Eigen 2014 with absolute errors; log gradients at several scales after Li and Snavely 2018
(MegaDepth); spread as a Laplace likelihood (Kendall and Gal 2017).
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from .model import corrected, logs
from .raycast import GROUND
from .shading import Truth

# Weights from the study of a first network, but for those of what is new: silhouettes, normals, second layer, height.
_GRADIENT, _ABSOLUTE, _SPREAD, _SKY, _INDOORS, _NORMAL, _SECOND, _HEIGHT, _TILT, _GROUND = (
    0.5,
    0.3,
    0.1,
    0.3,
    0.1,
    0.12,
    0.08,
    0.05,
    2.0,
    0.3,
)
_SCALES = 3  # octaves of gradients
_EDGE_STEP, _EDGE_WEIGHT = (
    0.15,
    4.0,
)  # a log step above this is a silhouette, and weighs so much more
_LEVEL = 0.95  # cosine between normal and up: rooms belong to the ground too, their walls and ceilings are not it
_MOST_ERROR = 3.0  # log units; more is an accident of a wall before the lens


class Losses(NamedTuple):
    """The sum, and its parts worth watching."""

    total: torch.Tensor
    aligned: torch.Tensor  # mean absolute log error after alignment of the mean
    absolute: torch.Tensor  # the same without


def losses(
    x: torch.Tensor, up: torch.Tensor, maps: torch.Tensor, scalars: torch.Tensor, truth: Truth
) -> Losses:
    """Compare the network's answer to the truth.

    Args:
        x: its input, (B, 8, H, W).
        up: (B, 3) the gravity that it was told.
        maps: its maps.
        scalars: its scalars.
        truth: of the same pictures.
    """
    ground = ~truth.sky
    height = truth.camera.height.log()
    wanted = truth.depth.log() - height[:, None, None]
    floor, things = logs(x, up, maps, scalars)
    level = is_ground(truth)
    # What stands is asked of the map that draws it, also where the floor before it would be nearer: a minimum teaches one only.
    found = torch.where(level, torch.minimum(floor, things), things)
    error = (found - wanted).clamp(-_MOST_ERROR, _MOST_ERROR)
    shift = _mean(error, ground).detach()[:, None, None]
    centred = (error - shift).abs()
    edges = 1 + _EDGE_WEIGHT * _silhouettes(wanted, ground)
    aligned = _mean(centred, ground)
    spread = maps[:, 1].clamp(-6, 3)
    likelihood = _mean(centred.detach() * torch.exp(-spread) + spread, ground)
    bce = functional.binary_cross_entropy_with_logits
    normal = 1 - functional.cosine_similarity(maps[:, 3:6], truth.normal, dim=1)
    hides = ground & (truth.second > truth.depth)
    gap = (truth.second.log() - truth.depth.clamp_max(truth.second).log()) - functional.softplus(
        maps[:, 6]
    )
    absolute = _mean(error.abs(), ground)
    total = (
        _mean(centred * edges, ground) / 1.5
        + _GRADIENT * _gradients(found, wanted, ground)
        + _ABSOLUTE * absolute
        + _SPREAD * likelihood
        + _SKY * bce(maps[:, 2], truth.sky.float(), reduction="none").mean((1, 2))
        + _INDOORS * bce(scalars[:, 2], truth.indoors.float(), reduction="none")
        + _NORMAL * _mean(normal, ground)
        + _SECOND * _mean(gap.abs().clamp_max(_MOST_ERROR) * edges, hides)
        + _GROUND * bce(maps[:, 7], level.float(), reduction="none").mean((1, 2))
        + _HEIGHT * (scalars[:, 1] - height).abs()
        + _TILT * (corrected(up, scalars) - truth.camera.up).norm(dim=1)
    )
    return Losses(total.mean(), aligned.mean().detach(), absolute.mean().detach())


def is_ground(truth: Truth) -> torch.Tensor:
    """(B, H, W) bool: the ground or a room's floor."""
    level = (truth.normal * truth.camera.up[:, :, None, None]).sum(1) > _LEVEL
    return level & (truth.owner == GROUND) & ~truth.sky


def _mean(value: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Mean over a mask of each picture, (B,); 0 where it is empty."""
    return (value * where).sum((1, 2)) / where.sum((1, 2)).clamp_min(1)


def _steps(value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences of neighbours to the right and below."""
    return value[..., :, 1:] - value[..., :, :-1], value[..., 1:, :] - value[..., :-1, :]


def _silhouettes(log_z: torch.Tensor, ground: torch.Tensor) -> torch.Tensor:
    """1 on both sides of a depth step, 0 elsewhere, (B, H, W)."""
    high = functional.max_pool2d(log_z, 3, 1, 1)
    low = -functional.max_pool2d(-log_z, 3, 1, 1)
    # A plane seen at a grazing angle steps too, but evenly: the middle lies halfway.
    bent = (high + low - 2 * log_z).abs()
    return ((bent > _EDGE_STEP) & ground).float()


def _gradients(found: torch.Tensor, wanted: torch.Tensor, ground: torch.Tensor) -> torch.Tensor:
    """Mean error of log gradients over the octaves, silhouettes weighing more, (B,)."""
    total = torch.zeros(len(found), device=found.device)
    for octave in range(_SCALES):
        step = 2**octave
        small = [value[:, ::step, ::step] for value in (found, wanted)]
        seen = ground[:, ::step, ::step]
        there = seen[..., :, 1:] & seen[..., :, :-1], seen[..., 1:, :] & seen[..., :-1, :]
        for mine, true, both in zip(_steps(small[0]), _steps(small[1]), there, strict=True):
            weight = 1 + _EDGE_WEIGHT * (true.abs() > _EDGE_STEP)
            total = total + _mean((mine - true).abs().clamp_max(_MOST_ERROR) * weight, both) / (
                2 * _SCALES
            )
    return total
