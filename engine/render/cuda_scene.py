"""Splats on an NVIDIA card: copied once a scene, kept there as long as the scene lives.

This file imports PyTorch: import it where `cuda_here.available` says yes.
"""

import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from ..errors import RenderError
from ..kernels.constants import LARGEST_ROTATION, LEAST_ROTATION, NOTHING_ALPHA
from ..splats.record import Splats
from ..tables.attributes import BLENDED, PREPARED
from ..tables.passes import BY_NAME

DEVICE = "cuda"


@dataclass(frozen=True, eq=False)
class DeviceScene:
    """The splats of a scene that can be drawn, as tensors on the device."""

    positions: Tensor  # (N, 3) float32, metres, world
    scales: Tensor  # (N, 3) float32, metres
    rotations: Tensor  # (N, 4) float32, w x y z, any length
    opacities: Tensor  # (N,) float32, at most 1
    colors: Tensor  # (N, 3) float32
    confidence: Tensor  # (N,) float32
    normals: Tensor  # (N, 3) float32, world, unsigned
    region: Tensor  # (N,) int32
    origin: Tensor  # (N,) int8
    sh: Tensor | None = None  # (N, 1 + K, 3) float32, with 0 for the constant band


_kept: "WeakKeyDictionary[Splats, DeviceScene]" = WeakKeyDictionary()
_lock = threading.Lock()


def on_device(splats: Splats) -> DeviceScene:
    """Return the tensors of these splats, from the cache where they were drawn before.

    Raises:
        RenderError: the scene does not fit into the device's memory.
    """
    with _lock:
        known = _kept.get(splats)
    if known is not None:
        return known
    # Not under the lock: another scene need not wait for the copy.
    uploaded = _upload(splats)
    with _lock:
        _kept[splats] = uploaded
    return uploaded


def drawable(
    positions: Tensor, scales: Tensor, rotations: Tensor, opacities: Tensor, *others: Tensor
) -> Tensor:
    """Mark the splats that can be drawn at all, (N,) bool; `prepare_one` of rasterise.c.

    They have finite numbers, a rotation, a size, and an opacity that shows.

    Args:
        positions: (N, 3).
        scales: (N, 3).
        rotations: (N, 4).
        opacities: (N,).
        others: (N, ...) that must be finite too.
    """
    square_length = rotations.detach().double().square().sum(1)
    is_drawable = square_length > LEAST_ROTATION
    is_drawable &= square_length < LARGEST_ROTATION
    is_drawable &= (scales >= 0).all(1)
    is_drawable &= (scales > 0).any(1)
    is_drawable &= opacities >= NOTHING_ALPHA
    for values in (positions, scales, opacities, *others):
        is_finite = torch.isfinite(values)[:, None]
        is_drawable &= is_finite.flatten(1).all(1)
    return is_drawable


def _upload(splats: Splats) -> DeviceScene:
    """Copy the splats that can be drawn."""
    prepared = [torch.from_numpy(getattr(splats, each.name)) for each in PREPARED]
    rows = drawable(*prepared).numpy()
    kept = splats.select(rows)

    on_host = {}
    for each in (*PREPARED, *BLENDED):
        on_host[each.name] = getattr(kept, each.name)
    on_host["opacities"] = np.minimum(kept.opacities, 1)
    on_host["normals"] = np.ascontiguousarray(kept.normals, np.float32)
    on_host["origin"] = kept.origin.astype(BY_NAME["origin"].dtype)
    # gsplat's harmonics begin with the constant band, which our colours already are.
    if kept.sh is not None:
        constant_band = np.zeros_like(kept.sh[:, :1])
        on_host["sh"] = np.concatenate([constant_band, kept.sh], axis=1)

    _check_memory(sum(array.nbytes for array in on_host.values()))
    tensors = {}
    for name, array in on_host.items():
        tensors[name] = torch.from_numpy(array).to(DEVICE)
    return DeviceScene(**tensors)


def _check_memory(needed: int) -> None:
    """Refuse a scene that the device cannot hold before anything is copied."""
    if DEVICE == "cpu":
        return
    # PyTorch keeps what was freed, for the next tensor.
    reusable = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    free, _ = torch.cuda.mem_get_info()
    left = free + reusable
    if needed > left:
        raise RenderError(
            f"The scene needs {needed / 1e9:.1f} GB on the graphics card, "
            f"which has {left / 1e9:.1f} left; render on the CPU."
        )
