"""A hash of coordinates, and smooth noise made of it."""

import torch

_WAVE = (12.9898, 78.233, 37.719)  # the sine hash of shader folklore: enough for textures
_SCRAMBLE = 43758.5453  # of the same hash: it brings the sine's late digits to the front


def scatter(x: torch.Tensor, y: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
    """Return a random number 0..1 for each whole (x, y, seed)."""
    wave_x, wave_y, wave_seed = _WAVE
    phase = x * wave_x + y * wave_y + seed * wave_seed
    scrambled = torch.sin(phase) * _SCRAMBLE
    return scrambled.remainder(1.0)


def noise(u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
    """Return value noise 0..1: random values on the whole (u, v), interpolated smoothly."""
    # the cell, and the place in it
    x = u.floor()
    y = v.floor()
    across = _smooth_step(u - x)
    down = _smooth_step(v - y)

    # the values of the cell's four corners, interpolated along its two rows, then between them
    top = torch.lerp(
        scatter(x, y, seed),
        scatter(x + 1, y, seed),
        across,
    )
    bottom = torch.lerp(
        scatter(x, y + 1, seed),
        scatter(x + 1, y + 1, seed),
        across,
    )
    return torch.lerp(top, bottom, down)


def _smooth_step(t: torch.Tensor) -> torch.Tensor:
    """Return 3 t^2 - 2 t^3, whose slope is 0 at 0 and at 1."""
    return t * t * (3 - 2 * t)
