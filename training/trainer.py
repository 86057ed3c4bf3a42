"""Training: a run of steps that can stop and go on anywhere.

Every step draws, renders and photographs its own pictures, from the seed and its number alone.
"""

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

# Width and height of a step's pictures, multiples of 16; most have about 12 thousand pixels, the
# last three up to 33 thousand.
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
_PIXELS = 100_000  # of a step's pictures together, on a CPU: 8 of 128 x 96

# Muon (Jordan 2024) for the convolutions, AdamW for the rest: at 640 steps the error is a tenth
# less than with AdamW alone.
_RATE = 3e-3  # learning rate of Muon
_OTHER_RATE = 1e-3  # learning rate of AdamW
_DECAY = 0.01  # weight decay of both
_WARM_UP = 100  # steps in which the rates rise from 0
_FALLING = 0.4  # last part of a run, in which the rates fall to 0; until then it can be made longer
_AVERAGE = 0.998  # share of the averaged weights that a step keeps (Polyak)
_CLIP = 30.0  # of the gradient's norm: about its usual value

# Errors of the input's camera, so that the network does not trust it blindly.
_TILT_NOISE = math.radians(1.5)  # standard deviation of the gravity, radians
_TILT_UNKNOWN = 0.2  # share of pictures without gravity
_FOCAL_NOISE = 0.04  # standard deviation of the log focal length

REUSE = 2  # steps of one scenery, as it is and mirrored: rendering costs nearly as much as a step
_PHOTOS = 7919  # added to the seed of photos, so that they do not repeat the draws of sceneries
_ENDS = ("maps", "scalars")  # layers whose output are no features: AdamW trains them
_LOG_EVERY = 50  # steps
_HOUR = 3600  # seconds

log = logging.getLogger(__name__)

_Order = tuple[int, Future[Truth]]  # a scenery's number, and its pictures when they are ready


@dataclass(frozen=True)
class Plan:
    """The settings of a run."""

    seed: int = 1  # of weights and pictures
    device: str = "cpu"  # "cpu" or "cuda"
    batch_scale: float = 1.0  # pictures a step, times 8 of 128 x 96
    sizes: tuple[tuple[int, int], ...] = SIZES  # width and height of pictures, one drawn a step
    half: bool = True  # bfloat16 in the convolutions


class Run:
    """A network, its optimisers and its averaged weights, and the number of steps made."""

    def __init__(self, plan: Plan) -> None:
        """Start at step 0."""
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.step = 0
        self._scenery: _Order | None = None
        self._next_scenery: _Order | None = None
        self._painter = ThreadPoolExecutor(1, "scenery")
        net = DepthNet()
        self.net = net.to(plan.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net)
        self.average.eval().requires_grad_(False)

        # Muon takes matrices: views of the kernels, (out, size * size * in), in their own memory.
        self._kernels = []
        others = []
        for name, parameter in self.net.named_parameters():
            is_kernel = parameter.dim() == 4 and not name.startswith(_ENDS)
            (self._kernels if is_kernel else others).append(parameter)
        self._views = [_matrix(kernel.detach()).requires_grad_() for kernel in self._kernels]
        self.optimisers = (
            torch.optim.Muon(self._views, _RATE, weight_decay=_DECAY),
            torch.optim.AdamW(others, _OTHER_RATE, weight_decay=_DECAY),
        )

    def advance(self, done: float) -> Losses:
        """Make one step.

        Args:
            done: share of the run's time or steps that is over, 0..1; the rate falls with it to 0.
        """
        rendered = self._rendered(self.step // REUSE)
        truth, x, up = example(
            self.plan,
            self.step,
            rendered,
        )
        self._set_rates(done)
        self.net.train()
        x = x.contiguous(memory_format=torch.channels_last)
        device_type = torch.device(self.plan.device).type
        with torch.autocast(device_type, torch.bfloat16, enabled=self.plan.half):
            maps, scalars = self.net(x)
        step_losses = losses(x, up, maps, scalars, truth)

        self.net.zero_grad(set_to_none=True)
        step_losses.total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), _CLIP)
        for view, kernel in zip(self._views, self._kernels, strict=True):
            view.grad = _matrix(kernel.grad)
        for optimiser in self.optimisers:
            optimiser.step()
        self._follow()
        self.step += 1
        return step_losses

    def _set_rates(self, done: float) -> None:
        """Let the learning rates rise at the beginning and fall at the end."""
        warm = min(1.0, (self.step + 1) / _WARM_UP)
        left = max(0.0, 1 - done)
        falling = min(1.0, left / _FALLING)
        for optimiser, rate in zip(self.optimisers, (_RATE, _OTHER_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * warm * falling

    def _rendered(self, number: int) -> Truth:
        """Return a scenery; the next one is rendered in the background meanwhile."""
        if self._scenery is None or self._scenery[0] != number:
            ready = self._next_scenery
            if ready is None or ready[0] != number:
                ready = self._order(number)
            self._scenery = ready
            self._next_scenery = self._order(number + 1)
        return self._scenery[1].result()

    def _order(self, number: int) -> _Order:
        """Have a scenery rendered in the background."""
        pictures = self._painter.submit(scenery, self.plan, number)
        return number, pictures

    def _follow(self) -> None:
        """Let the averaged weights and statistics follow the network's, faster in a young run."""
        young = (1 + self.step) / (10 + self.step)
        keep = min(_AVERAGE, young)
        averages = self.average.state_dict().values()
        values = self.net.state_dict().values()
        with torch.no_grad():
            for average, value in zip(averages, values, strict=True):
                if average.is_floating_point():
                    average.lerp_(value, 1 - keep)
                else:
                    average.copy_(value)

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
        path = folder / "checkpoint.pt"
        state = torch.load(path, map_location=self.plan.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        for optimiser, stored in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(stored)
        self.step = state["step"]


def _matrix(kernel: torch.Tensor) -> torch.Tensor:
    """View a kernel (out, in, size, size), laid out channels last, as (out, size * size * in)."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)


def scenery(plan: Plan, number: int) -> Truth:
    """Render pictures as no camera has taken them, the same for the same seed and number."""
    # the size comes first, because the number of pictures follows from it
    first = Draw(plan.seed, number, 1, plan.device)
    alike = [1.0] * len(plan.sizes)
    width, height = plan.sizes[int(first.pick(alike))]
    pictures = plan.batch_scale * _PIXELS / (width * height)
    batch = max(2, round(pictures))
    draw = Draw(plan.seed, number, batch, plan.device)
    with torch.no_grad():
        return picture(draw, sample(draw), width, height)


def example(plan: Plan, step: int, truth: Truth) -> tuple[Truth, torch.Tensor, torch.Tensor]:
    """Photograph the scenery of a step, mirrored at every other step.

    Args:
        plan: of the run.
        step: number of the step.
        truth: the scenery of that step.

    Returns:
        The truth, the network's input, and the gravity that is part of it, (B, 3).
    """
    batch, height, width = truth.depth.shape
    draw = Draw(
        plan.seed + _PHOTOS,
        step,
        batch,
        plan.device,
    )
    if step % REUSE:
        truth = mirrored(truth)
    with torch.no_grad():
        # the network is given a focal length and a gravity that are a little wrong
        focal = truth.camera.focal * draw.factor(_FOCAL_NOISE)
        up = truth.camera.up + draw.normal(0, _TILT_NOISE, 3)
        up = torch.nn.functional.normalize(up, dim=1)
        known = ~draw.chance(_TILT_UNKNOWN)
        level = torch.tensor(LEVEL, device=up.device)
        given_up = torch.where(known[:, None], up, level)
        rays = pixel_rays(focal, width, height)
        photo = photograph(draw, truth.colours)
        x = inputs(photo, rays, given_up, known)
    return truth, x, given_up


def train(
    run: Run,
    folder: Path,
    hours: float,
    steps: int | None = None,
    save_every: float = 60.0,
) -> Iterator[tuple[int, Losses]]:
    """Train for some hours, or for a number of steps, whichever is over first; yield each step.

    Only a run that its steps end can be made again exactly: the learning rate follows what ends it.

    Args:
        run: new, or loaded.
        folder: for checkpoints and `losses.jsonl`.
        hours: of wall-clock time, those before a resume included (the log's last line has them).
        steps: of the whole run, or None.
        save_every: seconds between checkpoints.
    """
    hours_before = _hours_so_far(folder) if run.step else 0.0
    start = time.monotonic()
    saved = start
    last_step = steps or math.inf
    while run.step < last_step:
        seconds = time.monotonic() - start
        hours_spent = hours_before + seconds / _HOUR
        if hours_spent >= hours:
            break
        done = hours_spent / hours if steps is None else run.step / steps
        step_losses = run.advance(done)
        if run.step % _LOG_EVERY == 0:
            _note(folder, run.step, hours_spent, step_losses)
        if time.monotonic() - saved > save_every:
            run.save(folder)
            saved = time.monotonic()
        yield run.step, step_losses
    run.save(folder)


def _note(folder: Path, step: int, hours: float, step_losses: Losses) -> None:
    """Add a line to the log."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {}
    for name, value in step_losses._asdict().items():
        values[name] = round(float(value.detach()), 4)
    record = {"step": step, "hours": round(hours, 5), **values}
    line = json.dumps(record)
    with (folder / "losses.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")
    log.info("step %d: %s", step, values)


def _hours_so_far(folder: Path) -> float:
    """Return the hours that the log's last line says were spent, 0 without a log."""
    path = folder / "losses.jsonl"
    if not path.is_file():
        return 0.0
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines:
        return 0.0
    last = json.loads(lines[-1])
    return float(last["hours"])
