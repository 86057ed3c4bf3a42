"""`fit`: gradient descent with Adam (Kingma & Ba 2015) over the shots in turn; the best splats are kept."""

import importlib.util
import logging
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ArgumentError, RenderError
from ...progress import Progress
from ...splats.record import Splats
from .. import cuda_here
from .record import FitOptions, Shot

if TYPE_CHECKING:
    import torch

    from .leaves import Leaves

STAGE = "Fitting"
CHECKS = 10  # times that all shots are compared on the way
EPSILON = 1e-15  # Adam's; a pixel's share of a mean is small, and 1e-8 would hold it back (3DGS takes the same)
BETAS = (0.9, 0.99)  # Adam's; 0.99 forgets in a hundred steps, which is all that a fit has

log = logging.getLogger(__name__)


def fit(
    splats: Splats,
    shots: Sequence[Shot],
    iterations: int,
    options: FitOptions | None = None,
    progress: Progress | None = None,
) -> Splats:
    """Splats whose pictures are nearer to the shots; never farther than they came.

    Each iteration draws one shot, in turn, and moves the trained groups a step down its loss. All shots together are
    compared at the beginning, at the end and a few times on the way, and the best is kept. Rows that are locked, that no
    shot moves or that cannot be drawn come back bit-equal; so do confidence, region, origin and spherical harmonics.

    Args:
        splats: the scene; an empty one comes back as it is.
        shots: pictures with their cameras, in the splats' world.
        iterations: steps; 0 gives the splats back.
        options: what is trained and how; FitOptions() where None.
        progress: reported to and asked before every step.

    Returns:
        The scene with other parameters, its rows in their order.

    Raises:
        ArgumentError: there are no shots, or `locked` has another length than the scene.
        RenderError: torch is not installed, or CUDA is asked for where there is none.
        Cancelled: through `progress`.
    """
    options = options or FitOptions()
    progress = progress or Progress()
    _check(splats, shots, iterations, options)
    if len(splats) == 0 or iterations == 0:
        return splats
    device = device_for(options)
    from .leaves import Leaves

    leaves = Leaves(splats, [shot.view for shot in shots], options, device)
    best = _descend(leaves, _losses(leaves, shots, options, device), iterations, options, progress)
    progress(1.0, STAGE)
    return leaves.splats(best)


def _losses(
    leaves: "Leaves", shots: Sequence[Shot], options: FitOptions, device: str
) -> "list[Callable[[], torch.Tensor]]":
    """For each shot, a function that draws it with the leaves as they are and gives its loss."""
    from ..differentiable import rasterise
    from .loss import loss_of, target_of

    def loss_for(shot: Shot) -> "Callable[[], torch.Tensor]":
        target = target_of(shot, device)

        def loss() -> "torch.Tensor":
            means, scales, rotations, opacities, colors = leaves.parameters()
            offsets = leaves.offsets(shot.view)
            colors = colors if offsets is None else (colors + offsets).clamp(min=0)
            picture = rasterise(
                means,
                scales,
                rotations,
                opacities,
                colors,
                shot.view,
                options.near,
                options.antialiased,
                options.threads,
            )
            return loss_of(picture, target, options)

        return loss

    return [loss_for(shot) for shot in shots]


def _descend(
    leaves: "Leaves",
    losses: "list[Callable[[], torch.Tensor]]",
    iterations: int,
    options: FitOptions,
    progress: Progress,
) -> "dict[str, torch.Tensor]":
    """The best leaves of all that were compared."""
    import torch

    def compared() -> float:
        with torch.no_grad():
            return sum(float(loss()) for loss in losses) / len(losses)

    adam, shrink = _adam(leaves, iterations, options)
    best, least = leaves.copied(), compared()
    log.info("Fitting %d shots: the loss is %.6f at first.", len(losses), least)
    every = max(1, iterations // CHECKS)
    for step in range(iterations):
        progress(step / iterations, STAGE)
        adam.zero_grad()
        losses[step % len(losses)]().backward()
        adam.step()
        shrink.step()
        leaves.hold()
        if (step + 1) % every and step + 1 < iterations:
            continue
        value = compared()
        if value < least:
            best, least = leaves.copied(), value
    log.info("Fitting: the loss is %.6f at last.", least)
    return best


def _adam(
    leaves: "Leaves", iterations: int, options: FitOptions
) -> "tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]":
    """Adam with a step for each group, and what shrinks them."""
    import torch

    steps = {
        "positions": options.position_step,
        "scales": options.scale_step,
        "rotations": options.rotation_step,
        "opacities": options.opacity_step,
        "colors": options.color_step,
    }
    groups = [{"params": [leaf], "lr": steps[name]} for name, leaf in leaves.trained.items()]
    adam = torch.optim.Adam(groups, betas=BETAS, eps=EPSILON, fused=True)

    def left(step: int) -> float:
        return (
            options.last_step
            + (1 - options.last_step) * (1 + math.cos(math.pi * step / iterations)) / 2
        )

    return adam, torch.optim.lr_scheduler.LambdaLR(adam, left)


def device_for(options: FitOptions) -> str:
    """Where to fit, "cpu" or "cuda"; what is there is asked, never tried.

    Raises:
        RenderError: torch is not installed, or CUDA is asked for where there is none.
    """
    if importlib.util.find_spec("torch") is None:
        raise RenderError(
            "Fitting needs PyTorch, which is not installed; install the AI engine in AnchorStage's preferences."
        )
    if options.device == "cuda" and not cuda_here.available():
        raise RenderError(
            "Fitting on CUDA needs an NVIDIA card and the AI engine with gsplat; leave the device open for the CPU."
        )
    return options.device or ("cuda" if cuda_here.available() else "cpu")


def _check(splats: Splats, shots: Sequence[Shot], iterations: int, options: FitOptions) -> None:
    if not shots:
        raise ArgumentError("Fitting needs at least one picture to come near.")
    if iterations < 0:
        raise ArgumentError(f"A fit takes 0 or more iterations, not {iterations}.")
    if options.locked is not None and np.shape(options.locked) != (len(splats),):
        raise ArgumentError(
            f"The locked rows are {np.shape(options.locked)}, but there are {len(splats)} splats."
        )
