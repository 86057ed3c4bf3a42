"""Random numbers of a batch.

There is one generator for each step, seeded by run and step, so that any step can be made again
alone. The order of draws is part of a run: another order gives other scenes.
"""

from collections.abc import Sequence

import torch

Colour = tuple[float, float, float]  # red, green, blue; 0..1

_STEP_STRIDE = 1_000_003  # a prime above any number of steps: no two (seed, step) share a state


class Draw:
    """Draws for `batch` scenes at once, all on one device."""

    def __init__(self, seed: int, step: int, batch: int, device: str = "cpu") -> None:
        """Seed the generator for one step of a run."""
        self.generator = torch.Generator(device=device)
        self.generator.manual_seed(seed * _STEP_STRIDE + step)
        self.batch = batch
        self.device = device

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """Return numbers that are uniform in low..high, (B, *shape)."""
        span = high - low
        return low + span * self._random(shape)

    def normal(self, mean: float, deviation: float, *shape: int) -> torch.Tensor:
        """Return normally distributed numbers, (B, *shape)."""
        size = (self.batch, *shape)
        standard = torch.randn(
            size,
            generator=self.generator,
            device=self.device,
        )
        return mean + deviation * standard

    def factor(self, deviation: float, *shape: int) -> torch.Tensor:
        """Return positive factors about 1 whose logarithm has this deviation, (B, *shape)."""
        return self.normal(0, deviation, *shape).exp()

    def log_uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """Return numbers whose natural logarithm is uniform in low..high, (B, *shape)."""
        return self.uniform(low, high, *shape).exp()

    def chance(self, probability: float | torch.Tensor, *shape: int) -> torch.Tensor:
        """Return True with a probability, (B, *shape) bool."""
        return self._random(shape) < probability

    def sign(self, *shape: int) -> torch.Tensor:
        """Return -1 or 1, (B, *shape)."""
        is_right = self.chance(0.5, *shape)
        return is_right.float() * 2 - 1

    def pick(self, weights: Sequence[float] | torch.Tensor) -> torch.Tensor:
        """Return an index for each scene by weight, (B,) int64; weights are (K,) or (B, K)."""
        table = torch.as_tensor(
            weights,
            dtype=torch.float32,
            device=self.device,
        )
        if table.dim() == 1:
            table = table.expand(self.batch, -1)
        indices = torch.multinomial(table, 1, generator=self.generator)
        return indices[:, 0]

    def shade(self, colour: Colour, low: float, high: float, slots: int = 1) -> torch.Tensor:
        """Return a colour times factors that are uniform in low..high, (B, slots, 3)."""
        fixed = torch.tensor(colour, device=self.device)
        return fixed * self.uniform(low, high, slots, 1)

    def grey(self, low: float, high: float, hue: float) -> torch.Tensor:
        """Return greys in low..high whose channels differ by a deviation of `hue`, (B, 1, 3)."""
        brightness = self.uniform(low, high, 1, 1)
        tint = 1 + self.normal(0, hue, 1, 3)
        return brightness * tint

    def _random(self, shape: Sequence[int]) -> torch.Tensor:
        size = (self.batch, *shape)
        return torch.rand(
            size,
            generator=self.generator,
            device=self.device,
        )
