"""Training: every step draws, renders and photographs its own pictures from (seed, step); a run can stop and go on anywhere."""

import copy
import json
import logging
import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from .draw import Draw
from .losses import Losses, losses
from .model import LEVEL, DepthNet, inputs
from .photo import photograph
from .scenes import sample
from .shading import Truth, mirrored, picture, pixel_rays

# Width and height of a step's pictures, most of about 12 thousand pixels, the last three of up to 33; multiples of 16.
SIZES = (
    (128, 96),
    (128, 96),
    (144, 80),
    (96, 128),
    (112, 112),
    (208, 64),
    (160, 112),
    (192, 144),
    (208, 160),
)
_PIXELS = 100_000  # a step, on a CPU: 8 pictures of 128 x 96
# Muon's (Jordan 2024) for the convolutions, AdamW's for the rest: at 640 steps a tenth less error than AdamW alone.
_RATE, _OTHER_RATE, _DECAY, _WARM_UP = 3e-3, 1e-3, 0.01, 100  # the last in steps
_FALLING = 0.4  # of a run: the rate falls to 0 in this last part of it, so that a run can be made longer until then
_AVERAGE = 0.998  # of the weights that are kept (Polyak)
_TILT_NOISE, _TILT_UNKNOWN = math.radians(1.5), 0.2
_FOCAL_NOISE = 0.04
_LOG_EVERY = 50  # steps
_CLIP = 30.0  # of the gradient's norm: about where it is
REUSE = 2  # steps from one scenery, as seen and mirrored: rendering costs nearly as much as a step
_ENDS = ("maps", "scalars")  # layers that are no features
_PHOTOS = 7919  # seeds of photos, away from those of sceneries

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """A run of training."""

    seed: int = 1  # of weights and pictures
    device: str = "cpu"  # "cpu" or "cuda"
    batch_scale: float = 1.0  # pictures a step, times 8 of 128 x 96
    sizes: tuple[tuple[int, int], ...] = SIZES  # width and height of pictures, drawn a step
    half: bool = True  # bfloat16 in the convolutions


class Run:
    """Network, optimiser and averaged weights, and how far they have come."""

    def __init__(self, plan: Plan) -> None:
        """Start at step 0."""
        torch.manual_seed(plan.seed)
        self.plan, self.step = plan, 0
        self._scenery: tuple[int, Future[Truth]] | None = None
        self._ahead: tuple[int, Future[Truth]] | None = None
        self._painter = ThreadPoolExecutor(1, "scenery")
        self.net = DepthNet().to(plan.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self._matrices = [
            p
            for name, p in self.net.named_parameters()
            if p.dim() == 4 and not name.startswith(_ENDS)
        ]
        wide = {id(p) for p in self._matrices}
        rest = [p for p in self.net.parameters() if id(p) not in wide]
        # Muon takes matrices: views of the kernels, (out, size * size * in), in the memory of the kernels themselves.
        self._views = [_matrix(p.detach()).requires_grad_() for p in self._matrices]
        self.optimisers = (
            torch.optim.Muon(self._views, _RATE, weight_decay=_DECAY),
            torch.optim.AdamW(rest, _OTHER_RATE, weight_decay=_DECAY),
        )

    def advance(self, done: float) -> Losses:
        """One step.

        Args:
            done: share of the run's time or steps that is over, 0..1; the rate falls with it to 0.
        """
        truth, x, up = example(self.plan, self.step, self._rendered(self.step // REUSE))
        warm = min(1.0, (self.step + 1) / _WARM_UP)
        for optimiser, rate in zip(self.optimisers, (_RATE, _OTHER_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * warm * min(1.0, max(0.0, 1 - done) / _FALLING)
        self.net.train()
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(
            torch.device(self.plan.device).type, torch.bfloat16, enabled=self.plan.half
        ):
            maps, scalars = self.net(x)
        found = losses(x, up, maps, scalars, truth)
        self.net.zero_grad(set_to_none=True)
        found.total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), _CLIP)
        for view, kernel in zip(self._views, self._matrices, strict=True):
            view.grad = _matrix(kernel.grad)
        for optimiser in self.optimisers:
            optimiser.step()
        self._follow()
        self.step += 1
        return found

    def _rendered(self, number: int) -> Truth:
        """A scenery; the next one is rendered meanwhile, where the device can do both at once."""
        if self._scenery is None or self._scenery[0] != number:
            ready = self._ahead if self._ahead and self._ahead[0] == number else self._order(number)
            self._scenery, self._ahead = ready, self._order(number + 1)
        return self._scenery[1].result()

    def _order(self, number: int) -> tuple[int, Future[Truth]]:
        """Have a scenery rendered in the background."""
        return number, self._painter.submit(scenery, self.plan, number)

    def _follow(self) -> None:
        """Let the averaged weights and statistics follow; faster while the run is young."""
        keep = min(_AVERAGE, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for kept, now in zip(
                self.average.state_dict().values(), self.net.state_dict().values(), strict=True
            ):
                if kept.is_floating_point():
                    kept.lerp_(now, 1 - keep)
                else:
                    kept.copy_(now)

    def save(self, folder: Path) -> None:
        """Write `checkpoint.pt`, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "step": self.step,
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }
        temporary = folder / ".checkpoint.tmp"
        torch.save(state, temporary)
        os.replace(temporary, folder / "checkpoint.pt")

    def load(self, folder: Path) -> None:
        """Go on from `checkpoint.pt`."""
        state = torch.load(
            folder / "checkpoint.pt", map_location=self.plan.device, weights_only=True
        )
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        for optimiser, stored in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(stored)
        self.step = state["step"]


def _matrix(kernel: torch.Tensor) -> torch.Tensor:
    """A kernel (out, in, size, size) that is laid out channels last as (out, size * size * in)."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)


def scenery(plan: Plan, number: int) -> Truth:
    """Pictures before the photographer's touch: the same for the same seed and number."""
    first = Draw(plan.seed, number, 1, plan.device)
    width, height = plan.sizes[int(first.pick([1.0] * len(plan.sizes)))]
    batch = max(2, round(plan.batch_scale * _PIXELS / (width * height)))
    draw = Draw(plan.seed, number, batch, plan.device)
    with torch.no_grad():
        return picture(draw, sample(draw), width, height)


def example(plan: Plan, step: int, truth: Truth) -> tuple[Truth, torch.Tensor, torch.Tensor]:
    """What the network sees at a step: the scenery as a photo of its own, mirrored at every other step.

    Args:
        plan: of the run.
        step: number of the step.
        truth: the scenery of that step.

    Returns:
        The truth, the network's input, and (B, 3) the gravity that it is told.
    """
    batch, height, width = truth.depth.shape
    draw = Draw(plan.seed + _PHOTOS, step, batch, plan.device)
    truth = mirrored(truth) if step % REUSE else truth
    with torch.no_grad():
        focal = truth.camera.focal * draw.normal(0, _FOCAL_NOISE).exp()
        up = torch.nn.functional.normalize(truth.camera.up + draw.normal(0, _TILT_NOISE, 3), dim=1)
        known = ~draw.chance(_TILT_UNKNOWN)
        told = torch.where(known[:, None], up, torch.tensor(LEVEL, device=up.device))
        return (
            truth,
            inputs(photograph(draw, truth.colours), pixel_rays(focal, width, height), told, known),
            told,
        )


def train(
    run: Run, folder: Path, hours: float, steps: int | None = None, save_every: float = 60.0
) -> Iterator[tuple[int, Losses]]:
    """Train for some hours, or for a number of steps, whichever is over first; yields each step.

    Only a run that its steps end can be made again exactly: the learning rate follows what ends it.

    Args:
        run: new, or loaded.
        folder: for checkpoints and `losses.jsonl`.
        hours: of wall-clock time, those before a resume included (kept in the log's last line).
        steps: of the whole run, or None.
        save_every: seconds between checkpoints.
    """
    before = _hours_so_far(folder) if run.step else 0.0
    start = saved = time.monotonic()
    most = steps or math.inf
    while (spent := before + (time.monotonic() - start) / 3600) < hours and run.step < most:
        found = run.advance(spent / hours if steps is None else run.step / steps)
        if run.step % _LOG_EVERY == 0:
            _note(folder, run.step, spent, found)
        if time.monotonic() - saved > save_every:
            run.save(folder)
            saved = time.monotonic()
        yield run.step, found
    run.save(folder)


def _note(folder: Path, step: int, spent: float, found: Losses) -> None:
    """Add a line to the log."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {name: round(float(value.detach()), 4) for name, value in found._asdict().items()}
    with (folder / "losses.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"step": step, "hours": round(spent, 5), **values}) + "\n")
    log.info("step %d: %s", step, values)


def _hours_so_far(folder: Path) -> float:
    """What the log says was spent before."""
    path = folder / "losses.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return float(json.loads(lines[-1])["hours"]) if lines else 0.0
