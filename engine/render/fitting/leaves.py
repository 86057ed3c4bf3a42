"""Splats as the numbers that Adam moves, and back. Imports torch: only `descent.fit` imports this file.

Every number moves on a scale of its own: a position in pixels of the nearest shot that sees it, a size by its logarithm,
an opacity by its logit; a quaternion and a colour as they are.
"""

from collections.abc import Sequence

import numpy as np
import torch

from ...camera import View
from ...kernels import twin
from ...splats.record import Splats
from .record import GROUPS, FitOptions

OPACITIES = (
    1 / 510,
    0.9995,
)  # where a logit begins: half of what is drawn at all, and a little above the cap of 0.999
SMALLEST = 1e-12  # metres; the logarithm of a flat splat's thickness begins here
SEEN_MARGIN = 0.3  # of the picture's size: splats this far beyond its edge may show in it


class Leaves:
    """The trained numbers of a scene, as torch tensors with gradients."""

    def __init__(
        self, splats: Splats, views: Sequence[View], options: FitOptions, device: str
    ) -> None:
        """Take the splats; rows that are locked, or that cannot be drawn, are never moved."""
        self._splats = splats
        self._device = device
        held = ~twin.drawable(vars(splats))
        held |= False if options.locked is None else options.locked
        self._held = self._tensor(held)
        self._pixel = self._tensor(
            pixel_sizes(splats.positions, views, options.near).astype(np.float32)[:, None]
        )
        self._fixed = {name: self._tensor(getattr(splats, name)) for name in GROUPS}
        self.trained = {
            name: self._leaf(name).requires_grad_() for name in GROUPS if name in options.groups
        }
        self._start = self.copied()

    def copied(self) -> dict[str, torch.Tensor]:
        """The trained numbers as they are now, to come back to."""
        return {name: leaf.detach().clone() for name, leaf in self.trained.items()}

    def parameters(self) -> list[torch.Tensor]:
        """Means, scales, rotations, opacities and colours as `differentiable.rasterise` takes them."""
        return [self._value(name) for name in GROUPS]

    def offsets(self, view: View) -> torch.Tensor | None:
        """What spherical harmonics add to the colours (N, 3) from a view's eye, if there are any; they are not trained."""
        if self._splats.sh is None:
            return None
        way = self._splats.positions - view.position
        length = np.linalg.norm(way, axis=1, keepdims=True)
        basis = twin.sh_basis(way / np.where(length > 0, length, 1))[:, : self._splats.sh.shape[1]]
        return self._tensor(np.einsum("nk,nkc->nc", basis, self._splats.sh).astype(np.float32))

    def hold(self) -> None:
        """Bring back what a step took out of range: colours below 0."""
        if "colors" in self.trained:
            with torch.no_grad():
                self.trained["colors"].clamp_(min=0)

    def splats(self, leaves: dict[str, torch.Tensor]) -> Splats:
        """The scene with these numbers; what was held or did not move is bit-equal to what it was."""
        changed = {}
        with torch.no_grad():
            for name, leaf in leaves.items():
                moved = (leaf != self._start[name]).reshape(len(leaf), -1).any(dim=1) & ~self._held
                value = self._from_leaf(name, leaf)
                value = (
                    torch.nn.functional.normalize(value, dim=1) if name == "rotations" else value
                )
                changed[name] = (
                    torch.where(_rows(moved, value), value, self._fixed[name]).cpu().numpy()
                )
        return self._splats.with_(**changed)

    def _leaf(self, name: str) -> torch.Tensor:
        value = self._fixed[name]
        if name == "positions":
            return torch.zeros_like(value)
        if name == "scales":
            return value.clamp(min=SMALLEST).log()
        if name == "opacities":
            return torch.logit(value.clamp(*OPACITIES))
        if name == "rotations":
            return torch.nn.functional.normalize(value, dim=1)
        return value.clone()

    def _from_leaf(self, name: str, leaf: torch.Tensor) -> torch.Tensor:
        if name == "positions":
            return torch.addcmul(self._fixed[name], leaf, self._pixel)
        return {"scales": torch.exp, "opacities": torch.sigmoid}.get(name, torch.Tensor.contiguous)(
            leaf
        )

    def _value(self, name: str) -> torch.Tensor:
        if name not in self.trained:
            return self._fixed[name]
        value = self._from_leaf(name, self.trained[name])
        return torch.where(_rows(self._held, value), self._fixed[name], value)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, device=self._device)


def pixel_sizes(positions: np.ndarray, views: Sequence[View], near: float) -> np.ndarray:
    """(N,) metres that a pixel of the nearest view that sees a splat's centre measures there; 0 where none does."""
    sizes = np.full(len(positions), np.inf)
    with np.errstate(invalid="ignore", over="ignore"):
        for view in views:
            pixels, depth = view.project(positions)
            size = np.array([view.width, view.height])
            inside = ((pixels >= -SEEN_MARGIN * size) & (pixels <= (1 + SEEN_MARGIN) * size)).all(
                axis=1
            ) & (depth >= near)
            sizes = np.where(inside, np.minimum(sizes, depth / max(view.fx, view.fy)), sizes)
    return np.where(np.isfinite(sizes), sizes, 0)


def _rows(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return mask[:, None] if like.ndim == 2 else mask
