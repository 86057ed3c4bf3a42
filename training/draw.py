"""Random numbers of a batch: one generator, seeded by run and step, so that any step can be made again alone."""

from collections.abc import Sequence

import torch

_STEP_STRIDE = 1_000_003  # a prime above any number of steps: no two (seed, step) share a state


class Draw:
    """Draws for `batch` scenes at once, all on one device."""

    def __init__(self, seed: int, step: int, batch: int, device: str = "cpu") -> None:
        """Seed for one step of a run."""
        self.generator = torch.Generator(device=device)
        self.generator.manual_seed(seed * _STEP_STRIDE + step)
        self.batch, self.device = batch, device

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """Uniform in low..high, (B, *shape)."""
        return low + (high - low) * torch.rand(
            self.batch, *shape, generator=self.generator, device=self.device
        )

    def normal(self, mean: float, deviation: float, *shape: int) -> torch.Tensor:
        """Normally distributed, (B, *shape)."""
        return mean + deviation * torch.randn(
            self.batch, *shape, generator=self.generator, device=self.device
        )

    def chance(self, probability: float | torch.Tensor, *shape: int) -> torch.Tensor:
        """True with a probability, (B, *shape) bool."""
        return (
            torch.rand(self.batch, *shape, generator=self.generator, device=self.device)
            < probability
        )

    def sign(self, *shape: int) -> torch.Tensor:
        """-1 or 1, (B, *shape)."""
        return self.chance(0.5, *shape).float() * 2 - 1

    def pick(self, weights: Sequence[float] | torch.Tensor) -> torch.Tensor:
        """An index a scene by weight, (B,) int64; weights are (K,) or (B, K)."""
        table = torch.as_tensor(weights, dtype=torch.float32, device=self.device)
        table = table.expand(self.batch, -1) if table.dim() == 1 else table
        return torch.multinomial(table, 1, generator=self.generator)[:, 0]
