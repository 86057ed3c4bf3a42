"""The peer gsplat 1.5.3: its PyTorch parts on any processor, and the whole of it where there is CUDA."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from gsplat.cuda import _torch_impl as parts

from benchmarks import torch_peer
from benchmarks.scenes import photo_like_scene, with_harmonics
from benchmarks.stages import stage_seconds
from benchmarks.timing import Timing, measure, row, say
from engine.camera import View
from engine.render import RenderOptions
from engine.render.frame import project
from engine.render.harmonics import seen_colors
from engine.render.prepared import prepared
from engine.render.rasteriser import render
from engine.splats.record import Splats

LIST_COUNT, LIST_SIZE = 5_000, (320, 180)  # gsplat's tile lists are a Python loop
LIST_TILE = 16  # pixels, gsplat's own choice; ours are 32 by 16
GPU_COUNTS = 100_000, 300_000, 500_000, 1_000_000, 3_000_000


def projection_row(splats: Splats, view: View) -> dict[str, object]:
    """Our projection (culling, projection, counts of tiles) against gsplat's covariances and projection in PyTorch."""
    say(f"projection: {len(splats)} splats")
    options = RenderOptions(backend="cpu")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ready = prepared(splats, pool, None)
        ours = measure(lambda: project(ready, view, options, pool, None))
    theirs = measure(lambda: _projected(splats, view))
    return row(
        "projection", len(splats), view, "none", ours, "gsplat's projection in PyTorch", theirs
    )


def harmonics_row(splats: Splats, view: View) -> dict[str, object]:
    """Colours from spherical harmonics of degree 3 against gsplat's in PyTorch."""
    say(f"harmonics: {len(splats)} splats")
    splats = with_harmonics(splats)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        frame = project(
            prepared(splats, pool, None), view, RenderOptions(backend="cpu"), pool, None
        )
        ours = measure(lambda: seen_colors(splats, frame, pool, None))
    means, base = torch.from_numpy(splats.positions), torch.from_numpy(splats.colors)[:, None]
    coefficients = torch.cat([base, torch.from_numpy(splats.sh)], dim=1)
    eye = torch.tensor(view.position, dtype=torch.float32)
    theirs = measure(lambda: parts._spherical_harmonics(3, means - eye, coefficients).clamp(min=0))
    return row(
        "harmonics of degree 3",
        len(splats),
        view,
        "none",
        ours,
        "gsplat's harmonics in PyTorch",
        theirs,
    )


def tile_lists_row() -> dict[str, object]:
    """Which splat lies in which tile, unsorted, on one thread: our scatter against gsplat's Python loop."""
    splats, view = photo_like_scene(LIST_COUNT, LIST_SIZE)
    say(f"tile lists: {len(splats)} splats")
    spent = stage_seconds(splats, view, RenderOptions(color_only=True, backend="cpu"))["scatter"]
    radii, means, depths, _, _ = _projected(splats, view)
    across, down = -(-view.width // LIST_TILE), -(-view.height // LIST_TILE)
    theirs = measure(
        lambda: parts._isect_tiles(means, radii, depths, LIST_TILE, across, down, sort=False),
        repeats=2,
    )
    ours = Timing(spent, spent, 3)
    return row(
        "tile lists",
        len(splats),
        view,
        "none",
        ours,
        "gsplat's tile lists in PyTorch",
        theirs,
        threads=1,
    )


def _projected(splats: Splats, view: View) -> tuple:
    """Gsplat's radii, centres, depths, conics and compensations, each (1, N, ...)."""
    means, scales, rotations, _, _ = torch_peer.tensors(splats)
    covariances, _ = parts._quat_scale_to_covar_preci(rotations, scales, compute_preci=False)
    pose, lens = _camera(view)
    return parts._fully_fused_projection(means, covariances, pose, lens, view.width, view.height)


def _camera(view: View, device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    matrices = view.camera_from_world, view.intrinsics
    pose, lens = (
        torch.tensor(matrix, dtype=torch.float32, device=device)[None] for matrix in matrices
    )
    return pose, lens


def cuda_rows() -> list[dict[str, object]]:
    """Ours on CUDA and on the processor against gsplat itself on CUDA, the pictures brought to the host; none without."""
    if not torch.cuda.is_available():
        say("no CUDA here: gsplat itself is not measured")
        return []
    return [line for count in GPU_COUNTS for line in _cuda_rows_of(*photo_like_scene(count))]


def _cuda_rows_of(splats: Splats, view: View) -> list[dict[str, object]]:
    device = torch.cuda.get_device_name()
    say(f"CUDA: {len(splats)} splats on {device}")
    theirs = measure(_gsplat_drawer(splats, view))
    table = []
    for backend in ("cuda", "cpu"):
        for passes, color_only in (("colour, depth, alpha", True), ("all", False)):
            options = RenderOptions(color_only=color_only, backend=backend)
            ours = measure(lambda options=options: render(splats, view, options))
            name = f"forward on {'CUDA' if backend == 'cuda' else 'the processor'}"
            table.append(
                row(
                    name,
                    len(splats),
                    view,
                    passes,
                    ours,
                    f"gsplat on {device}, colour, depth, alpha",
                    theirs,
                )
            )
    return table


def _gsplat_drawer(splats: Splats, view: View) -> Callable[[], object]:
    """Gsplat's own call, its parameters on the device already; bringing the picture to the host waits for it."""
    import gsplat

    means, scales, rotations, opacities, colors = torch_peer.tensors(splats, "cuda")
    pose, lens = _camera(view, "cuda")

    @torch.no_grad()
    def draw() -> list[torch.Tensor]:
        picture, alpha, _ = gsplat.rasterization(
            means,
            rotations,
            scales,
            opacities,
            colors,
            pose,
            lens,
            view.width,
            view.height,
            render_mode="RGB+ED",
        )
        return [picture.cpu(), alpha.cpu()]

    return draw
