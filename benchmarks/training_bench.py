"""Forward and backward together, and an iteration of a fit, against PyTorch's autograd through the peer rasteriser."""

from collections.abc import Callable

import numpy as np
import torch

from benchmarks import torch_peer
from benchmarks.scenes import photo_like_scene
from benchmarks.timing import Timing, measure, row, say
from engine.camera import View
from engine.render import RenderOptions, differentiable
from engine.render.fitting import FitOptions, Shot, fit
from engine.render.rasteriser import render
from engine.splats.record import Splats

COUNT, SIZE = 200_000, (512, 384)
PEER = "PyTorch rasteriser and autograd"
FIT_ITERATIONS = 10
SETTLING_S = 10.0  # for the peer, whose first iterations ask the system for gigabytes
LEARNING_RATE = 1e-3
PERTURBED = 0.1  # of the colours, so that there is something to fit

Rasterise = Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


def rows() -> list[dict[str, object]]:
    """Two rows."""
    splats, view = photo_like_scene(COUNT, SIZE)
    return [_backward_row(splats, view), _fit_row(splats, view)]


def gradients(
    rasterise: Rasterise, splats: Splats, view: View, seed: int = 0
) -> list[torch.Tensor]:
    """Draw and follow random gradients of colour, depth and alpha back to all five parameters, whose gradients are given."""
    leaves = [tensor.clone().requires_grad_() for tensor in torch_peer.tensors(splats)]
    _follow_back(rasterise, leaves, view, _upstream(view, seed))
    return [leaf.grad for leaf in leaves if leaf.grad is not None]


def _upstream(view: View, seed: int) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    shapes = (view.height, view.width, 3), (view.height, view.width), (view.height, view.width)
    return [torch.randn(shape, generator=random) for shape in shapes]


def _follow_back(
    rasterise: Rasterise, leaves: list[torch.Tensor], view: View, upstream: list[torch.Tensor]
) -> None:
    for leaf in leaves:
        leaf.grad = None
    torch.autograd.backward(rasterise(*leaves, view, 0.01, False), upstream)


def _backward_row(splats: Splats, view: View) -> dict[str, object]:
    say(f"backward: {len(splats)} splats")
    leaves = [tensor.clone().requires_grad_() for tensor in torch_peer.tensors(splats)]
    upstream = _upstream(view, 0)
    ours = measure(lambda: _follow_back(differentiable.rasterise, leaves, view, upstream))
    theirs = measure(
        lambda: _follow_back(torch_peer.rasterise, leaves, view, upstream), patience=SETTLING_S
    )
    passes = "colour, depth, alpha, gradients of all parameters"
    return row("forward and backward", len(splats), view, passes, ours, PEER, theirs)


def _fit_row(splats: Splats, view: View) -> dict[str, object]:
    """One iteration: what ten more cost, by ten."""
    say(f"fit: {len(splats)} splats")
    image = render(splats, view, RenderOptions(color_only=True, backend="cpu")).color
    random = np.random.default_rng(0)
    changed = splats.with_(
        colors=np.clip(splats.colors + random.normal(0, PERTURBED, splats.colors.shape), 0, 1)
    )
    options = FitOptions(device="cpu")

    def iterations(count: int) -> Timing:
        return measure(lambda: fit(changed, [Shot(view, image)], count, options), repeats=2)

    few, many = iterations(1), iterations(1 + FIT_ITERATIONS)
    ours = Timing(
        (many.wall - few.wall) / FIT_ITERATIONS, (many.cpu - few.cpu) / FIT_ITERATIONS, many.repeats
    )
    theirs = measure(_peer_iteration(changed, view, torch.from_numpy(image)), patience=SETTLING_S)
    return row(
        "one iteration of a fit", len(splats), view, "colour", ours, f"{PEER}, fused Adam", theirs
    )


def _peer_iteration(splats: Splats, view: View, image: torch.Tensor) -> Callable[[], None]:
    leaves = [tensor.clone().requires_grad_() for tensor in torch_peer.tensors(splats)]
    optimiser = torch.optim.Adam(leaves, LEARNING_RATE, fused=True)

    def iterate() -> None:
        optimiser.zero_grad()
        color, _, _ = torch_peer.rasterise(*leaves, view)
        (color - image).abs().mean().backward()
        optimiser.step()

    return iterate
