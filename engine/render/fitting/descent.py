"""`fit`: gradient descent with Adam (Kingma & Ba 2015) over the shots in turn.

The best splats on the way are kept.
"""

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
# Times that all shots are compared on the way.
CHECKS = 10
# Adam's epsilon. The loss is a mean over all pixels, so that one splat's gradient is tiny, and the
# usual 1e-8 would damp its steps; Kerbl et al. 2023 take 1e-15 too.
EPSILON = 1e-15
# Adam's decay rates. 0.99 forgets in a hundred steps, which is all that a fit has.
BETAS = (0.9, 0.99)

log = logging.getLogger(__name__)


def fit(
    splats: Splats,
    shots: Sequence[Shot],
    iterations: int,
    options: FitOptions | None = None,
    progress: Progress | None = None,
) -> Splats:
    """Move splats so that their pictures come nearer to the shots, never farther.

    Each iteration draws one shot, in turn, and moves the trained groups a step down its loss. All
    shots together are compared at the beginning, at the end and a few times on the way, and the
    best splats are kept. Rows that are locked, that no shot moves or that cannot be drawn come back
    bit-equal; so do confidence, region, origin and spherical harmonics.

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

    views = [shot.view for shot in shots]
    leaves = Leaves(splats, views, options, device)
    losses = _losses(leaves, shots, options, device)
    best = _descend(leaves, losses, iterations, options, progress)
    progress(1.0, STAGE)
    return leaves.splats(best)


def _losses(
    leaves: "Leaves", shots: Sequence[Shot], options: FitOptions, device: str
) -> "list[Callable[[], torch.Tensor]]":
    """Make a function for each shot that draws the leaves as they are then and gives the loss."""
    from ..differentiable import rasterise
    from .loss import loss_of, target_of

    def loss_for(shot: Shot) -> "Callable[[], torch.Tensor]":
        target = target_of(shot, device)

        def loss() -> "torch.Tensor":
            means, scales, rotations, opacities, colors = leaves.parameters()
            offsets = leaves.offsets(shot.view)
            if offsets is not None:
                colors = (colors + offsets).clamp(min=0)
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
    """Move the leaves; return the best of all that were compared."""
    import torch

    def mean_loss() -> float:
        with torch.no_grad():
            return sum(float(loss()) for loss in losses) / len(losses)

    adam = _adam(leaves, options)
    schedule = _schedule(adam, iterations, options)
    best = leaves.copied()
    least = mean_loss()
    log.info("Fitting %d shots: the loss is %.6f at first.", len(losses), least)
    check_every = max(1, iterations // CHECKS)
    for step in range(iterations):
        progress(step / iterations, STAGE)
        adam.zero_grad()
        loss = losses[step % len(losses)]
        loss().backward()
        adam.step()
        schedule.step()
        leaves.hold()

        # To compare all shots costs as much as a step for each: only now and then, and at the end.
        done = step + 1
        if done % check_every and done < iterations:
            continue
        value = mean_loss()
        if value < least:
            best = leaves.copied()
            least = value
    log.info("Fitting: the loss is %.6f at last.", least)
    return best


def _adam(leaves: "Leaves", options: FitOptions) -> "torch.optim.Optimizer":
    """Make an Adam that has a step size for each group."""
    import torch

    steps = {
        "positions": options.position_step,
        "scales": options.scale_step,
        "rotations": options.rotation_step,
        "opacities": options.opacity_step,
        "colors": options.color_step,
    }
    groups = [{"params": [leaf], "lr": steps[name]} for name, leaf in leaves.trained.items()]
    return torch.optim.Adam(groups, betas=BETAS, eps=EPSILON, fused=True)


def _schedule(
    adam: "torch.optim.Optimizer", iterations: int, options: FitOptions
) -> "torch.optim.lr_scheduler.LRScheduler":
    """Shrink the steps along a half cosine, from 1 to `last_step` (Loshchilov & Hutter 2017)."""
    import torch

    def share_of_step(step: int) -> float:
        last = options.last_step
        return last + (1 - last) * (1 + math.cos(math.pi * step / iterations)) / 2

    return torch.optim.lr_scheduler.LambdaLR(adam, share_of_step)


def device_for(options: FitOptions) -> str:
    """Choose the device of a fit, "cpu" or "cuda", without trying it.

    Raises:
        RenderError: torch is not installed, or CUDA is asked for where there is none.
    """
    if importlib.util.find_spec("torch") is None:
        raise RenderError(
            "Fitting needs PyTorch, which is not installed; "
            "install the AI engine in AnchorStage's preferences."
        )
    if options.device == "cuda" and not cuda_here.available():
        raise RenderError(
            "Fitting on CUDA needs an NVIDIA card and the AI engine with gsplat; "
            "leave the device open for the CPU."
        )
    if options.device is not None:
        return options.device
    return "cuda" if cuda_here.available() else "cpu"


def _check(splats: Splats, shots: Sequence[Shot], iterations: int, options: FitOptions) -> None:
    if not shots:
        raise ArgumentError("Fitting needs at least one picture to come near.")
    if iterations < 0:
        raise ArgumentError(f"A fit takes 0 or more iterations, not {iterations}.")
    if options.locked is None:
        return
    locked_shape = np.shape(options.locked)
    if locked_shape != (len(splats),):
        raise ArgumentError(
            f"The locked rows are {locked_shape}, but there are {len(splats)} splats."
        )
