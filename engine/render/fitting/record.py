"""The inputs of a fit: pictures to come near, and options."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...camera import View
from ...errors import ArgumentError

# The parameters that can be trained, as `Splats` names them.
GROUPS = ("positions", "scales", "rotations", "opacities", "colors")


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture that the splats should show. Pixels whose colour is not finite do not count."""

    view: View
    # (H, W, 3) float32, sRGB-encoded, over black where nothing is.
    image: np.ndarray
    # (H, W) float or bool, 0 or more: the weight of each pixel; None: all alike.
    weight: np.ndarray | None = None
    # (H, W) float32, planar depth in metres; a value that is not finite or not above 0 does not
    # count.
    depth: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check shapes and weights once; convert to float32."""
        size = (self.view.height, self.view.width)
        _convert(self, "image", (*size, 3))
        if self.weight is not None:
            _convert(self, "weight", size)
        if self.depth is not None:
            _convert(self, "depth", size)

        if self.weight is not None:
            is_valid = np.isfinite(self.weight) & (self.weight >= 0)
            if not is_valid.all():
                raise ArgumentError(
                    "The weights of a picture to fit must be finite numbers, 0 or more."
                )
        if not self.counts.any():
            raise ArgumentError(
                "A picture to fit has no pixel that counts; "
                "its weights or its colours leave nothing."
            )

    @property
    def counts(self) -> np.ndarray:
        """The weight of each pixel, (H, W) float32; 0 where its colour is not finite."""
        weight = np.float32(1) if self.weight is None else self.weight
        is_finite = np.isfinite(self.image).all(axis=2)
        return np.where(is_finite, weight, np.float32(0))


@dataclass(frozen=True)
class FitOptions:
    """Options of a fit.

    A step is the distance that Adam moves a parameter in one iteration while it always goes the
    same way.
    """

    groups: Sequence[str] = GROUPS  # the trained parameters; the others come back bit-equal
    locked: np.ndarray | None = None  # (N,) bool, rows that come back bit-equal; None: no row
    position_step: float = 0.08  # pixels of the nearest shot that sees the splat
    scale_step: float = 0.02  # of the natural logarithm
    rotation_step: float = 0.01  # of the unit quaternion
    opacity_step: float = 0.05  # of the logit
    color_step: float = 0.02  # sRGB-encoded
    # Share of the steps that is left in the last iteration; they shrink along a half cosine.
    last_step: float = 0.05
    # 0 to 1: share of structural dissimilarity in the colour's loss; the rest is the mean
    # difference.
    dssim: float = 0.0
    depth_weight: float = 0.5  # of the mean relative depth difference, beside the colour's loss
    near: float = 0.01  # metres; nearer splats are not drawn
    antialiased: bool = False  # as `RenderOptions.antialiased`
    # "cpu" or "cuda"; None: CUDA where the AI engine has it, else the CPU.
    device: str | None = None
    threads: int | None = None  # of the CPU's kernels; None: one a core

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        self._check_groups()
        self._check_numbers()
        if self.device not in (None, "cpu", "cuda"):
            raise ArgumentError(f"A fit runs on cpu or cuda, not on {self.device}.")
        if self.threads is not None and self.threads < 1:
            raise ArgumentError(f"Fitting needs at least one thread, not {self.threads}.")

    def _check_groups(self) -> None:
        unknown = set(self.groups) - set(GROUPS)
        if self.groups and not unknown:
            return
        refused = ", ".join(sorted(unknown)) or "nothing"
        raise ArgumentError(f"A fit trains some of {', '.join(GROUPS)}, not {refused}.")

    def _check_numbers(self) -> None:
        steps = (
            self.position_step,
            self.scale_step,
            self.rotation_step,
            self.opacity_step,
            self.color_step,
        )
        if not all(_is_nonnegative(step) for step in steps):
            raise ArgumentError("The steps of a fit must be finite numbers, 0 or more.")
        if not (0 <= self.dssim <= 1 and 0 <= self.last_step <= 1):
            raise ArgumentError("A fit's dssim and last_step must lie between 0 and 1.")
        if not _is_nonnegative(self.depth_weight):
            raise ArgumentError("The depth's weight in a fit must be a finite number, 0 or more.")
        if not _is_nonnegative(self.near):
            raise ArgumentError(
                f"The near limit must be a distance in metres, 0 or more, not {self.near}."
            )


def _is_nonnegative(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def _convert(shot: Shot, name: str, shape: tuple[int, ...]) -> None:
    """Make one array of a shot float32, and refuse one of another shape."""
    array = np.ascontiguousarray(getattr(shot, name), np.float32)
    if array.shape != shape:
        raise ArgumentError(
            f"The {name} of a picture to fit is {array.shape}, but its view needs {shape}."
        )
    # The record is frozen; this is part of making it.
    object.__setattr__(shot, name, array)
