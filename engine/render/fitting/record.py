"""What a fit takes: the pictures to come near, and how."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...camera import View
from ...errors import ArgumentError

GROUPS = (
    "positions",
    "scales",
    "rotations",
    "opacities",
    "colors",
)  # what can be trained, as `Splats` names it


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture that the splats should show. Pixels whose colour is not finite have no say."""

    view: View
    image: np.ndarray  # (H, W, 3) float32, sRGB-encoded, over black where nothing is
    weight: np.ndarray | None = (
        None  # (H, W) float or bool, 0 or more, how much a pixel counts; None: all alike
    )
    depth: np.ndarray | None = (
        None  # (H, W) float32, planar depth in metres; what is not finite or not above 0 has no say
    )

    def __post_init__(self) -> None:
        """Check shapes and weights once; convert to float32."""
        shape = self.view.height, self.view.width
        _convert(self, "image", (*shape, 3))
        for name in ("weight", "depth"):
            if getattr(self, name) is not None:
                _convert(self, name, shape)
        if self.weight is not None and not (
            np.isfinite(self.weight).all() and (self.weight >= 0).all()
        ):
            raise ArgumentError(
                "The weights of a picture to fit must be finite numbers, 0 or more."
            )
        if not self.counts.any():
            raise ArgumentError(
                "A picture to fit has no pixel that counts; its weights or its colours leave nothing."
            )

    @property
    def counts(self) -> np.ndarray:
        """(H, W) float32: how much each pixel counts, 0 where its colour is not finite."""
        finite = np.isfinite(self.image).all(axis=2)
        return np.where(
            finite, np.float32(1) if self.weight is None else self.weight, np.float32(0)
        )


@dataclass(frozen=True)
class FitOptions:
    """How to fit. A step is how far Adam moves a parameter in one iteration while it always goes the same way."""

    groups: Sequence[str] = GROUPS  # what is trained; the rest comes back bit-equal
    locked: np.ndarray | None = None  # (N,) bool, rows that come back bit-equal; None: no row
    position_step: float = 0.08  # pixels of the nearest shot that sees the splat
    scale_step: float = 0.02  # of the natural logarithm
    rotation_step: float = 0.01  # of the unit quaternion
    opacity_step: float = 0.05  # of the logit
    color_step: float = 0.02  # sRGB-encoded
    last_step: float = (
        0.05  # what is left of the steps in the last iteration; they shrink along a half cosine
    )
    dssim: float = 0.0  # 0..1, share of structural dissimilarity in the colour's loss; the rest is the mean difference
    depth_weight: float = 0.5  # of the mean relative depth difference, beside the colour's loss
    near: float = 0.01  # metres; nearer splats are not drawn
    antialiased: bool = False  # as `RenderOptions.antialiased`
    device: str | None = (
        None  # "cpu" or "cuda"; None: CUDA where the AI engine has it, else the CPU
    )
    threads: int | None = None  # of the CPU's kernels; None for one a core

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        unknown = set(self.groups) - set(GROUPS)
        if unknown or not self.groups:
            raise ArgumentError(
                f"A fit trains some of {', '.join(GROUPS)}, not {', '.join(sorted(unknown)) or 'nothing'}."
            )
        steps = (
            self.position_step,
            self.scale_step,
            self.rotation_step,
            self.opacity_step,
            self.color_step,
        )
        if not all(math.isfinite(step) and step >= 0 for step in steps):
            raise ArgumentError("The steps of a fit must be finite numbers, 0 or more.")
        if not (0 <= self.dssim <= 1 and 0 <= self.last_step <= 1):
            raise ArgumentError("A fit's dssim and last_step must lie between 0 and 1.")
        if not (math.isfinite(self.depth_weight) and self.depth_weight >= 0):
            raise ArgumentError("The depth's weight in a fit must be a finite number, 0 or more.")
        if not (math.isfinite(self.near) and self.near >= 0):
            raise ArgumentError(
                f"The near limit must be a distance in metres, 0 or more, not {self.near}."
            )
        if self.device not in (None, "cpu", "cuda"):
            raise ArgumentError(f"A fit runs on cpu or cuda, not on {self.device}.")
        if self.threads is not None and self.threads < 1:
            raise ArgumentError(f"Fitting needs at least one thread, not {self.threads}.")


def _convert(shot: Shot, name: str, shape: tuple[int, ...]) -> None:
    array = np.ascontiguousarray(getattr(shot, name), np.float32)
    if array.shape != shape:
        raise ArgumentError(
            f"The {name} of a picture to fit is {array.shape}, but its view needs {shape}."
        )
    object.__setattr__(shot, name, array)
