"""The same pictures on an NVIDIA card, through gsplat 1.5.3 (Ye et al. 2025), with gradients.

    splats ─on_device─► tensors there ─gsplat.rasterization─► sums ─finish─► ProxyRender
                                       └─ pairs of splat and pixel ─heaviest─► region, origin

This file imports PyTorch and gsplat: import it where `cuda_here.available` says yes. Positions are
relative to the eye, as in our kernels, so that a scene far from the origin keeps its digits.
"""

from typing import Any

import gsplat
import torch
from torch import Tensor

from ..camera import View
from ..errors import RenderError
from ..kernels.constants import FAR_PLANE, LOW_PASS, NEAREST, NOTHING_ALPHA
from ..kernels.normalise import finish
from ..progress import Progress
from ..splats.record import Splats
from ..tables.passes import BY_NAME, DRAWN
from .cuda_filter import kept_light
from .cuda_scene import DeviceScene, drawable, on_device
from .heaviest import heaviest
from .record import ProxyRender, RenderOptions

# Standard deviation of a splat on the picture: the determinant of a larger one leaves float32.
LARGEST_PX = 2e6

# Of the passes that are blended, in the order of gsplat's channels, which puts depth last.
_VALUES = ("color", "normal", "confidence", "depth")

Geometry = tuple[Tensor, Tensor, Tensor, Tensor]  # positions, scales, rotations, opacities


def render(
    splats: Splats,
    view: View,
    options: RenderOptions | None = None,
    progress: Progress | None = None,
) -> ProxyRender:
    """Draw all passes of a view, as `render.render` draws them on the CPU.

    Ask `cuda_here.available` first.

    Args:
        splats: not changed in place between calls, because their tensors are kept on the device as
            long as they live.
        view: the camera.
        options: how to render; `threads`, `twin` and `backend` are not looked at.
        progress: asked between the stages.

    Raises:
        RenderError: the scene or the frame does not fit into the device's memory.
        Cancelled: through `progress`.
    """
    options = options or RenderOptions()
    progress = progress or Progress()
    try:
        with torch.no_grad():
            scene = on_device(splats)
            progress.check()
            passes = _passes(scene, view, options, progress)
            arrays = {name: tensor.cpu().numpy() for name, tensor in passes.items()}
            return ProxyRender(view=view, **arrays)
    except torch.cuda.OutOfMemoryError as error:
        raise RenderError(
            f"The graphics card has too little memory for {len(splats)} splats "
            f"at {view.width}x{view.height}; render on the CPU, or a smaller picture."
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
    """Draw colour, depth and alpha with gradients to all five parameters.

    Splats that cannot be drawn get zero gradients.

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
        color (H, W, 3) premultiplied, depth (H, W) expected planar depth in metres (inf where
        alpha < 1/255), alpha (H, W).
    """
    # In place of what cannot be drawn stands a splat of no opacity, whose numbers are harmless.
    is_drawable = drawable(means, scales, rotations, opacities, colors)
    rows = is_drawable[:, None]
    no_rotation = torch.tensor([1.0, 0, 0, 0], device=means.device)
    geometry = (
        torch.where(rows, means, 0.0),
        torch.where(rows, scales, 0.0),
        torch.where(rows, rotations, no_rotation),
        torch.where(is_drawable, opacities, 0.0),
    )
    channels = torch.where(rows, colors, 0.0)
    sums, alpha, _ = _blend(geometry, channels, view, near, antialiased)
    return sums[..., :3], _expected_depth(sums[..., 3], alpha), alpha


def _blend(
    geometry: Geometry, channels: Tensor, view: View, near: float, antialiased: bool
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Blend splats through gsplat.

    Args:
        geometry: of N splats.
        channels: (N, C) to be blended.
        view: the camera.
        near: metres.
        antialiased: Mip-Splatting's filter.

    Returns:
        Weighted sums (H, W, C + 1) of the channels and of depth, alpha (H, W), and gsplat's
        intermediate results.
    """
    means, scales, rotations, opacities = geometry
    device = means.device
    camera_from_world = torch.tensor(view.camera_from_world, dtype=torch.float32, device=device)
    intrinsics = torch.tensor(view.intrinsics, dtype=torch.float32, device=device)

    # Relative to the eye, so that the pose has no translation.
    from_eye = means - torch.tensor(view.position, dtype=torch.float32, device=device)
    camera_from_world[:3, 3] = 0

    # What is too large for float32 is not drawn: it loses its opacity.
    forward = camera_from_world[2, :3]
    depth = (from_eye.detach() * forward).sum(1)
    largest_extent = scales.detach().amax(1) * max(view.fx, view.fy)  # times the depth, in pixels
    fits = largest_extent <= LARGEST_PX * depth
    opacities = torch.where(fits, opacities, 0.0).clamp(max=1)

    sums, alpha, meta = gsplat.rasterization(
        from_eye,
        rotations,
        scales,
        opacities,
        channels,
        camera_from_world[None],
        intrinsics[None],
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


def _expected_depth(depth: Tensor, alpha: Tensor) -> Tensor:
    """Return expected depth from its weighted sum; inf where there is nothing."""
    is_covered = alpha >= NOTHING_ALPHA
    expected_depth = depth / alpha.clamp(min=NOTHING_ALPHA)
    return torch.where(is_covered, expected_depth, float("inf"))


def _passes(
    scene: DeviceScene, view: View, options: RenderOptions, progress: Progress
) -> dict[str, Tensor]:
    """Draw the passes of `ProxyRender`, by name, on the device."""
    if not len(scene.positions):
        return _nothing(view)
    device = scene.positions.device
    eye = torch.tensor(view.position, dtype=torch.float32, device=device)
    opacities, antialiased = _filtered(scene, eye, view, options)
    geometry = (scene.positions, scene.scales, scene.rotations, opacities)
    colors = _seen_colors(scene, eye)
    if options.color_only:
        sums, alpha, _ = _blend(geometry, colors, view, options.near, antialiased)
        passes = _nothing(view)
        passes["color"] = sums[..., :3]
        passes["alpha"] = alpha
        passes["depth"] = _expected_depth(sums[..., 3], alpha)
        return passes

    normals = _facing(scene, eye)
    confidence = scene.confidence[:, None]
    channels = torch.cat([colors, normals, confidence], dim=1)
    sums, alpha, meta = _blend(geometry, channels, view, options.near, antialiased)
    progress.check()
    blended = _parts(sums) | {"alpha": alpha}

    # Where no splat is, alpha is 0 and the ids are not read.
    rows = heaviest(meta, progress).clamp(min=0)
    ids = {
        "region": scene.region[rows],
        "origin": scene.origin[rows],
    }
    photo_from_eye = None
    if options.photo_position is not None:
        offset = options.photo_position - view.position
        photo_from_eye = torch.tensor(offset, dtype=torch.float32, device=device)
    return finish(torch, blended, ids, _rays(view, device), photo_from_eye)


def _parts(sums: Tensor) -> dict[str, Tensor]:
    """Cut weighted sums (H, W, 8) into the passes, by name."""
    blended = {}
    first = 0
    for name in _VALUES:
        each = BY_NAME[name]
        end = first + each.channels
        part = sums[..., first:end]
        blended[name] = part if each.shape else part[..., 0]
        first = end
    return blended


def _filtered(
    scene: DeviceScene, eye: Tensor, view: View, options: RenderOptions
) -> tuple[Tensor, bool]:
    """Apply the part of the antialiased mode that gsplat does not know.

    Returns:
        Opacities (N,), and True where the mode is still gsplat's to apply.
    """
    if options.photo_focal is None or options.photo_position is None:
        return scene.opacities, options.antialiased
    if not options.antialiased:
        return scene.opacities, False
    photo = torch.tensor(options.photo_position, dtype=torch.float32, device=eye.device)
    from_photo = scene.positions - photo
    square_distance = from_photo.square().sum(1)
    own_filter = LOW_PASS / options.photo_focal**2 * square_distance
    from_eye = scene.positions - eye
    kept = kept_light(from_eye, scene.scales, scene.rotations, view, own_filter)
    return scene.opacities * kept, False


def _facing(scene: DeviceScene, eye: Tensor) -> Tensor:
    """Return the splats' normals (N, 3), world, turned towards the eye."""
    from_eye = scene.positions - eye
    normals = scene.normals
    along = (from_eye * normals).sum(1, keepdim=True)
    return torch.where(along > 0, -normals, normals)


def _seen_colors(scene: DeviceScene, eye: Tensor) -> Tensor:
    """Return colours (N, 3) as the eye sees them, like `harmonics.seen_colors`."""
    if scene.sh is None:
        return scene.colors
    coefficients = scene.sh.shape[1]
    degree = round(coefficients**0.5) - 1
    from_eye = scene.positions - eye
    change = gsplat.spherical_harmonics(degree, from_eye, scene.sh)
    seen = scene.colors + change
    finite = torch.where(torch.isfinite(seen), seen, scene.colors)
    return finite.clamp(min=0)


def _rays(view: View, device: torch.device) -> Tensor:
    """Return world directions (H, W, 3) through the pixel centres, of planar depth 1."""
    turn = view.world_from_camera[:3, :3]
    world_from_camera = torch.tensor(turn, dtype=torch.float32, device=device)
    right, down, forward = world_from_camera.unbind(1)
    columns = torch.arange(view.width, device=device)
    rows = torch.arange(view.height, device=device)
    slope_x = (columns + 0.5 - view.cx) / view.fx
    slope_y = (rows + 0.5 - view.cy) / view.fy
    across = slope_x[None, :, None] * right
    downwards = slope_y[:, None, None] * down
    return across + downwards + forward


def _nothing(view: View) -> dict[str, Tensor]:
    """Return the passes of a view in which there is nothing."""
    passes = {}
    for each in DRAWN:
        shape = (view.height, view.width, *each.shape)
        dtype = getattr(torch, each.dtype)
        passes[each.name] = torch.full(shape, each.nothing, dtype=dtype)
    return passes
