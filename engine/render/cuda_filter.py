"""The light that the antialiased mode leaves to splats lifted from a photo.

`filtered` of rasterise.c in PyTorch, for gsplat, which knows only its own rule.
"""

import torch
from torch import Tensor

from ..camera import View
from ..kernels.constants import FRUSTUM_MARGIN, LOW_PASS, NEAREST


def kept_light(
    means: Tensor, scales: Tensor, rotations: Tensor, view: View, own_filter: Tensor
) -> Tensor:
    """Return the share of each splat's opacity that remains, (N,) 0..1.

    The low-pass filter makes a splat wider on the picture, so it becomes fainter; but the part of
    the filter through which the photo saw the splat is the splat's own, and costs nothing.

    Args:
        means: (N, 3) metres, world axes, relative to the eye.
        scales: (N, 3) metres.
        rotations: (N, 4) w x y z, any length but 0.
        view: the camera.
        own_filter: (N,) square metres, the variance of the filter through which the photo saw each
            splat.
    """
    pose = view.camera_from_world[:3, :3]
    camera_from_world = torch.tensor(pose, dtype=torch.float32, device=means.device)
    points = means @ camera_from_world.T
    x, y, depth = points.unbind(1)
    depth = depth.clamp(min=NEAREST)  # nearer splats are not drawn
    # [N, 3, 3] metres: each column is an axis of the splat in the camera's frame.
    axes = camera_from_world @ _rotations(rotations) * scales[:, None, :]
    right, down, forward = axes.unbind(1)

    # The splat's axes on the picture, [N, 3] pixels.
    slope_x = _held_slope(x / depth, view.fx, view.cx, view.width)
    slope_y = _held_slope(y / depth, view.fy, view.cy, view.height)
    pixels_x = view.fx / depth  # [N], of a metre
    pixels_y = view.fy / depth
    offset_x = right - slope_x[:, None] * forward
    offset_y = down - slope_y[:, None] * forward
    axes_x = pixels_x[:, None] * offset_x
    axes_y = pixels_y[:, None] * offset_y

    # Determinants of the covariance: of the splat alone, with the low-pass, with its own filter.
    xx = axes_x.square().sum(1)
    yy = axes_y.square().sum(1)
    minors = torch.linalg.cross(axes_x, axes_y)
    sharp = minors.square().sum(1)
    after = sharp + LOW_PASS * (xx + yy) + LOW_PASS**2
    own_x = own_filter * pixels_x.square()
    own_y = own_filter * pixels_y.square()
    before = sharp + own_x * yy + own_y * xx + own_x * own_y
    share = before / after
    return share.clamp(0, 1).sqrt()


def _held_slope(slope: Tensor, focal: float, centre: float, size: int) -> Tensor:
    """Hold slopes within the margin in which the projection's Jacobian follows a splat."""
    margin = FRUSTUM_MARGIN * 0.5 * size / focal
    lowest = -centre / focal - margin
    highest = (size - centre) / focal + margin
    return slope.clamp(lowest, highest)


def _rotations(quaternions: Tensor) -> Tensor:
    """Return the rotation matrices (N, 3, 3) of quaternions (N, 4) w x y z."""
    length = quaternions.norm(dim=1, keepdim=True)
    unit = quaternions / length
    w, x, y, z = unit.unbind(1)
    # Row by row.
    numbers = [
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    ]
    return torch.stack(numbers, dim=-1).reshape(-1, 3, 3)
