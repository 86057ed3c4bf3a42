"""Random numbers of places, and smooth noise of them."""

import torch

_WAVE = (12.9898, 78.233, 37.719)  # the sine hash of shader folklore: enough for textures
_SCRAMBLE = 43758.5453


def scatter(x: torch.Tensor, y: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
    """A random number 0..1 for each whole (x, y, seed)."""
    return (torch.sin(x * _WAVE[0] + y * _WAVE[1] + seed * _WAVE[2]) * _SCRAMBLE).remainder(1.0)


def noise(u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
    """Value noise 0..1 with period 1."""
    x, y = u.floor(), v.floor()
    fx, fy = u - x, v - y
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    top = torch.lerp(scatter(x, y, seed), scatter(x + 1, y, seed), fx)
    return torch.lerp(top, torch.lerp(scatter(x, y + 1, seed), scatter(x + 1, y + 1, seed), fx), fy)
