"""Splats as the numbers that Adam moves, and back.

Imports torch: only `descent.fit` imports this file. Every number moves on a scale of its own: a
position in pixels of the nearest shot that sees it, a size by its logarithm, an opacity by its
logit; a quaternion and a colour as they are.
"""

from collections.abc import Sequence

import numpy as np
import torch

from ...camera import View
from ...kernels import twin
from ...splats.record import Splats
from .record import GROUPS, FitOptions

# Opacities are held in a range before their logit is taken. It begins at half of the 1/255 that is
# drawn at all.
LEAST_OPACITY = 1 / 510
# It ends a little above the 0.999 at which the renderer holds an opacity.
LARGEST_OPACITY = 0.9995
# Metres: a flat splat's thickness is raised to this, for its logarithm.
SMALLEST = 1e-12
# Of the picture's size: splats whose centre is this far beyond its edge may show in it.
SEEN_MARGIN = 0.3


class Leaves:
    """The trained numbers of a scene, as torch tensors with gradients."""

    def __init__(
        self, splats: Splats, views: Sequence[View], options: FitOptions, device: str
    ) -> None:
        """Take the splats; rows that are locked, or that cannot be drawn, are never moved."""
        self._splats = splats
        self._device = device
        is_held = ~twin.drawable(vars(splats))
        if options.locked is not None:
            is_held |= options.locked
        self._is_held = self._tensor(is_held)
        pixels = pixel_sizes(splats.positions, views, options.near)
        self._pixel_size = self._tensor(pixels.astype(np.float32)[:, None])
        self._given = {name: self._tensor(getattr(splats, name)) for name in GROUPS}
        trained = [name for name in GROUPS if name in options.groups]
        self.trained = {name: self._leaf(name).requires_grad_() for name in trained}
        self._start = self.copied()

    def copied(self) -> dict[str, torch.Tensor]:
        """Copy the trained numbers as they are now, to come back to."""
        copies = {}
        for name, leaf in self.trained.items():
            copies[name] = leaf.detach().clone()
        return copies

    def parameters(self) -> list[torch.Tensor]:
        """Return means, scales, rotations, opacities and colours for `differentiable.rasterise`."""
        return [self._parameter(name) for name in GROUPS]

    def offsets(self, view: View) -> torch.Tensor | None:
        """Compute what spherical harmonics add to the colours from a view's eye.

        They are not trained.

        Returns:
            (N, 3); None where the splats have no harmonics.
        """
        sh = self._splats.sh
        if sh is None:
            return None
        from_eye = self._splats.positions - view.position
        length = np.linalg.norm(from_eye, axis=1, keepdims=True)
        direction = from_eye / np.where(length > 0, length, 1)
        basis = twin.sh_basis(direction)[:, : sh.shape[1]]
        offsets = np.einsum("nk,nkc->nc", basis, sh)
        return self._tensor(offsets.astype(np.float32))

    def hold(self) -> None:
        """Bring back numbers that a step took out of range: colours below 0."""
        if "colors" in self.trained:
            with torch.no_grad():
                self.trained["colors"].clamp_(min=0)

    def splats(self, leaves: dict[str, torch.Tensor]) -> Splats:
        """Return the scene with these numbers.

        Rows that are held or did not move are bit-equal to what they were.
        """
        changed = {}
        with torch.no_grad():
            for name, leaf in leaves.items():
                is_other = leaf != self._start[name]
                has_moved = is_other.reshape(len(leaf), -1).any(dim=1)
                has_moved = has_moved & ~self._is_held
                value = self._from_leaf(name, leaf)
                if name == "rotations":
                    value = torch.nn.functional.normalize(value, dim=1)
                value = torch.where(_rows(has_moved, value), value, self._given[name])
                changed[name] = value.cpu().numpy()
        return self._splats.with_(**changed)

    def _leaf(self, name: str) -> torch.Tensor:
        """Put a parameter of the splats on the scale that Adam moves it on."""
        value = self._given[name]
        if name == "positions":
            return torch.zeros_like(value)  # pixels, from the position given
        if name == "scales":
            return value.clamp(min=SMALLEST).log()
        if name == "opacities":
            return torch.logit(value.clamp(LEAST_OPACITY, LARGEST_OPACITY))
        if name == "rotations":
            return torch.nn.functional.normalize(value, dim=1)
        return value.clone()

    def _from_leaf(self, name: str, leaf: torch.Tensor) -> torch.Tensor:
        """Invert `_leaf`."""
        if name == "positions":
            return torch.addcmul(self._given[name], leaf, self._pixel_size)
        if name == "scales":
            return torch.exp(leaf)
        if name == "opacities":
            return torch.sigmoid(leaf)
        return leaf.contiguous()

    def _parameter(self, name: str) -> torch.Tensor:
        """Return a parameter as it is drawn now; a held row as it was given."""
        if name not in self.trained:
            return self._given[name]
        value = self._from_leaf(name, self.trained[name])
        return torch.where(_rows(self._is_held, value), self._given[name], value)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, device=self._device)


def pixel_sizes(positions: np.ndarray, views: Sequence[View], near: float) -> np.ndarray:
    """Measure a pixel at the splats' centres, in the nearest view that sees them.

    Args:
        positions: (N, 3) metres, world.
        views: the cameras.
        near: metres; nearer splats are not seen.

    Returns:
        (N,) metres; 0 where no view sees a splat.
    """
    sizes = np.full(len(positions), np.inf)
    with np.errstate(invalid="ignore", over="ignore"):
        for view in views:
            pixels, depth = view.project(positions)
            picture_size = np.array([view.width, view.height])
            low = -SEEN_MARGIN * picture_size
            high = (1 + SEEN_MARGIN) * picture_size
            is_inside = ((pixels >= low) & (pixels <= high)).all(axis=1)
            is_seen = is_inside & (depth >= near)
            size = depth / max(view.fx, view.fy)
            smaller = np.minimum(sizes, size)
            sizes = np.where(is_seen, smaller, sizes)
    return np.where(np.isfinite(sizes), sizes, 0)


def _rows(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Give a mask (N,) the axes of `like`, (N,) or (N, K)."""
    return mask[:, None] if like.ndim == 2 else mask
