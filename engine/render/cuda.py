"""The same pictures on an NVIDIA card, through gsplat 1.5.3 (Ye et al. 2025), and its gradients for fitting.

    splats ─_scene─► tensors on the device ─gsplat.rasterization─► sums ─finish─► ProxyRender
                                            └─ pairs of splat and pixel ─heaviest─► region, origin

This file imports PyTorch and gsplat: import it where `cuda_here.available` says yes. Positions are relative to the
eye, as in our kernels, so that a scene far from the origin keeps its digits.
"""

import threading
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import gsplat
import numpy as np
import torch
from torch import Tensor

from ..camera import View
from ..errors import RenderError
from ..kernels.constants import (
    FAR_PLANE,
    LEAST_ROTATION,
    LOW_PASS,
    MOST_ROTATION,
    NEAREST,
    NOTHING_ALPHA,
)
from ..kernels.normalise import finish
from ..progress import Progress
from ..splats.record import Splats
from ..tables.attributes import PREPARED_NAMES
from ..tables.passes import DRAWN
from .cuda_filter import kept_light
from .heaviest import heaviest
from .record import ProxyRender, RenderOptions

DEVICE = "cuda"
LARGEST_PX = 2e6  # standard deviation of a splat on the picture: the determinant of a larger one leaves float32


@dataclass(frozen=True, eq=False)
class DeviceScene:
    """The drawable splats of a scene as tensors on the device, float32 where nothing else is said."""

    means: Tensor  # (N, 3) metres, world
    scales: Tensor  # (N, 3) metres
    rotations: Tensor  # (N, 4) w x y z, any length
    opacities: Tensor  # (N,) at most 1
    colors: Tensor  # (N, 3)
    confidence: Tensor  # (N,)
    normals: Tensor  # (N, 3) world, unsigned
    region: Tensor  # (N,) int32
    origin: Tensor  # (N,) int8
    sh: Tensor | None  # (N, 1 + K, 3), the constant band 0


_kept: "WeakKeyDictionary[Splats, DeviceScene]" = WeakKeyDictionary()
_lock = threading.Lock()


def render(
    splats: Splats,
    view: View,
    options: RenderOptions | None = None,
    progress: Progress | None = None,
) -> ProxyRender:
    """All passes of a view, as `render.render` draws them on the CPU; ask `cuda_here.available` first.

    Args:
        splats: not changed in place between calls, because their tensors are kept on the device as long as they live.
        view: the camera.
        options: how to render; `threads`, `twin` and `backend` are not looked at.
        progress: asked between the stages.

    Raises:
        RenderError: the scene or the frame does not fit into the device's memory.
        Cancelled: through `progress`.
    """
    options, progress = options or RenderOptions(), progress or Progress()
    try:
        with torch.no_grad():
            scene = _scene(splats)
            progress.check()
            passes = _passes(scene, view, options, progress)
            return ProxyRender(
                view=view, **{name: tensor.cpu().numpy() for name, tensor in passes.items()}
            )
    except torch.cuda.OutOfMemoryError as error:
        raise RenderError(
            f"The graphics card has too little memory for {len(splats)} splats at {view.width}x{view.height}; "
            "render on the CPU, or a smaller picture."
        ) from error


def rasterise(
    means: Tensor,
    scales: Tensor,
    rotations: Tensor,
    opacities: Tensor,
    colors: Tensor,
    view: View,
    near: float = 0.01,
    antialiased: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour, depth and alpha with gradients to all five parameters; splats that cannot be drawn get zero gradients.

    Args:
        means: (N, 3) metres, world.
        scales: (N, 3) metres, standard deviations.
        rotations: (N, 4) w x y z, any length.
        opacities: (N,) 0..1.
        colors: (N, 3) sRGB-encoded.
        view: the camera.
        near: metres; splats nearer than this are not drawn.
        antialiased: Mip-Splatting's filter.

    Returns:
        color (H, W, 3) premultiplied, depth (H, W) expected planar depth in metres (inf where alpha < 1/255), alpha (H, W).
    """
    sound = _drawable(means, scales, rotations, opacities, colors)
    neutral = torch.tensor([1.0, 0, 0, 0], device=means.device)
    means, scales, colors = (
        torch.where(sound[:, None], values, 0.0) for values in (means, scales, colors)
    )
    rotations = torch.where(sound[:, None], rotations, neutral)
    opacities = torch.where(sound, opacities, 0.0)
    sums, alpha, _ = _blend(means, scales, rotations, opacities, colors, view, near, antialiased)
    return sums[..., :3], _expected(sums[..., 3], alpha), alpha


def _scene(splats: Splats) -> DeviceScene:
    """The tensors of these splats, from the cache where they were drawn before."""
    with _lock:
        found = _kept.get(splats)
    if found is None:
        found = _upload(splats)
        with _lock:
            _kept[splats] = found
    return found


def _upload(splats: Splats) -> DeviceScene:
    arrays = [getattr(splats, name) for name in PREPARED_NAMES]
    rows = _drawable(*(torch.from_numpy(array) for array in arrays)).numpy()
    kept = splats.select(rows)
    sh = (
        None
        if kept.sh is None
        else np.concatenate([np.zeros_like(kept.sh[:, :1]), kept.sh], axis=1)
    )
    on_host = {
        "means": kept.positions,
        "scales": kept.scales,
        "rotations": kept.rotations,
        "opacities": np.minimum(kept.opacities, 1),
        "colors": kept.colors,
        "confidence": kept.confidence,
        "normals": np.ascontiguousarray(kept.normals, np.float32),
        "region": kept.region,
        "origin": kept.origin.astype(np.int8),
        "sh": sh,
    }
    _check_memory(sum(array.nbytes for array in on_host.values() if array is not None))
    tensors = {
        name: None if array is None else torch.from_numpy(array).to(DEVICE)
        for name, array in on_host.items()
    }
    return DeviceScene(**tensors)


def _check_memory(needed: int) -> None:
    """Refuse a scene that the device cannot hold before anything is copied."""
    if DEVICE == "cpu":
        return
    spare = (
        torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    )  # freed, and kept by PyTorch for the next one
    free = torch.cuda.mem_get_info()[0] + spare
    if needed > free:
        raise RenderError(
            f"The scene needs {needed / 1e9:.1f} GB on the graphics card, which has {free / 1e9:.1f} left; render on the CPU."
        )


def _drawable(
    means: Tensor, scales: Tensor, rotations: Tensor, opacities: Tensor, *others: Tensor
) -> Tensor:
    """(N,) bool, the rules of `anchorstage_splats_prepare`: finite, a rotation, a size, an opacity that shows."""
    length = rotations.detach().double().square().sum(1)
    drawn = (length > LEAST_ROTATION) & (length < MOST_ROTATION)
    drawn &= (scales >= 0).all(1) & (scales > 0).any(1) & (opacities >= NOTHING_ALPHA)
    for values in (means, scales, opacities, *others):
        drawn &= torch.isfinite(values)[:, None].flatten(1).all(1)
    return drawn


def _blend(
    means: Tensor,
    scales: Tensor,
    rotations: Tensor,
    opacities: Tensor,
    channels: Tensor,
    view: View,
    near: float,
    antialiased: bool,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Weighted sums (H, W, C + 1) of channels (N, C) and depth, alpha (H, W), and gsplat's intermediate results."""
    device = means.device
    pose = torch.tensor(view.camera_from_world, dtype=torch.float32, device=device)
    pose[:3, 3] = 0  # means are taken relative to the eye
    lens = torch.tensor(view.intrinsics, dtype=torch.float32, device=device)
    away = means - torch.tensor(view.position, dtype=torch.float32, device=device)
    depth = (away.detach() * pose[2, :3]).sum(1)
    spread = scales.detach().amax(1) * max(view.fx, view.fy)
    opacities = torch.where(spread <= LARGEST_PX * depth, opacities, 0.0).clamp(max=1)
    sums, alpha, meta = gsplat.rasterization(
        away,
        rotations,
        scales,
        opacities,
        channels,
        pose[None],
        lens[None],
        view.width,
        view.height,
        near_plane=max(near, NEAREST),
        far_plane=FAR_PLANE,
        eps2d=LOW_PASS,
        packed=False,
        render_mode="RGB+D",
        rasterize_mode="antialiased" if antialiased else "classic",
    )
    return sums[0], alpha[0, ..., 0], meta


def _expected(depth: Tensor, alpha: Tensor) -> Tensor:
    """Expected depth from its weighted sum; inf where there is nothing."""
    return torch.where(alpha >= NOTHING_ALPHA, depth / alpha.clamp(min=NOTHING_ALPHA), float("inf"))


def _passes(
    scene: DeviceScene, view: View, options: RenderOptions, progress: Progress
) -> dict[str, Tensor]:
    """The passes of `ProxyRender` by name, on the device."""
    if not len(scene.means):
        return _nothing(view)
    eye = torch.tensor(view.position, dtype=torch.float32, device=DEVICE)
    opacities, gsplats_filter = _filtered(scene, eye, view, options)
    geometry = scene.means, scene.scales, scene.rotations, opacities
    colors = _seen_colors(scene, eye)
    if options.color_only:
        sums, alpha, _ = _blend(*geometry, colors, view, options.near, gsplats_filter)
        depth = _expected(sums[..., 3], alpha)
        return _nothing(view) | {"color": sums[..., :3], "alpha": alpha, "depth": depth}
    facing = torch.where(
        ((scene.means - eye) * scene.normals).sum(1, keepdim=True) > 0,
        -scene.normals,
        scene.normals,
    )
    channels = torch.cat([colors, facing, scene.confidence[:, None]], dim=1)
    sums, alpha, meta = _blend(*geometry, channels, view, options.near, gsplats_filter)
    progress.check()
    color, normal, confidence, depth = sums.split([3, 3, 1, 1], dim=2)
    blended = {
        "color": color,
        "normal": normal,
        "confidence": confidence[..., 0],
        "depth": depth[..., 0],
        "alpha": alpha,
    }
    rows = heaviest(meta, progress).clamp(
        min=0
    )  # where there is none, alpha is 0 and the ids are not read
    ids = {"region": scene.region[rows], "origin": scene.origin[rows]}
    photo = None
    if options.photo_position is not None:
        photo = torch.tensor(
            options.photo_position - view.position, dtype=torch.float32, device=DEVICE
        )
    return finish(torch, blended, ids, _rays(view), photo)


def _filtered(
    scene: DeviceScene, eye: Tensor, view: View, options: RenderOptions
) -> tuple[Tensor, bool]:
    """Opacities (N,) as the antialiased mode leaves them, and whether that mode is still gsplat's to apply."""
    if not options.antialiased or options.photo_focal is None or options.photo_position is None:
        return scene.opacities, options.antialiased
    photo = torch.tensor(options.photo_position, dtype=torch.float32, device=DEVICE)
    own = LOW_PASS / options.photo_focal**2 * (scene.means - photo).square().sum(1)
    return scene.opacities * kept_light(
        scene.means - eye, scene.scales, scene.rotations, view, own
    ), False


def _seen_colors(scene: DeviceScene, eye: Tensor) -> Tensor:
    """(N, 3) colours from the eye, as `harmonics.seen_colors`."""
    if scene.sh is None:
        return scene.colors
    degree = round(scene.sh.shape[1] ** 0.5) - 1
    seen = scene.colors + gsplat.spherical_harmonics(degree, scene.means - eye, scene.sh)
    return torch.where(torch.isfinite(seen), seen, scene.colors).clamp(min=0)


def _rays(view: View) -> Tensor:
    """(H, W, 3) world directions through the pixel centres, of planar depth 1."""
    turn = torch.tensor(view.world_from_camera[:3, :3], dtype=torch.float32, device=DEVICE)
    u = (torch.arange(view.width, device=DEVICE) + 0.5 - view.cx) / view.fx
    v = (torch.arange(view.height, device=DEVICE) + 0.5 - view.cy) / view.fy
    return u[None, :, None] * turn[:, 0] + v[:, None, None] * turn[:, 1] + turn[:, 2]


def _nothing(view: View) -> dict[str, Tensor]:
    """Return the passes of a view in which there is nothing."""
    passes = {}
    for one in DRAWN:
        shape: tuple[int, ...] = (view.height, view.width)
        if one.channels > 1:
            shape = (*shape, one.channels)
        passes[one.name] = torch.full(shape, one.nothing, dtype=getattr(torch, one.dtype))
    return passes
