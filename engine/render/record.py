"""What the renderer takes and gives."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..camera import View
from ..colour import decode_srgb

VOID_ALPHA = 0.5  # a pixel with less coverage has not been seen


@dataclass(frozen=True)
class RenderOptions:
    """How to render."""

    color_only: bool = False  # leave normal, confidence, region and origin empty: colour, depth and alpha are wanted
    threads: int | None = None  # None: all cores
    near: float = 0.01  # metres; splats nearer than this are not drawn
    photo_position: tuple[float, float, float] | None = (
        None  # the photo's eye, for the angle term of confidence
    )
    moving: bool = False  # in bounded time, from levels of detail on fewer pixels: for a camera that moves; without CUDA
    antialiased: bool = False  # a splat smaller than a pixel covers only its part of it (Mip-Splatting): no shimmer far away
    photo_focal: float | None = (
        None  # pixels, of the grid the splats were lifted from: antialiased, the photo's view stays
    )
    twin: bool = False  # the slow NumPy twin instead of the kernels
    backend: Literal["auto", "cpu", "cuda"] = (
        "auto"  # auto: CUDA where it is, unless a number of threads is asked for
    )


@dataclass(frozen=True, eq=False)
class ProxyRender:
    """All passes of one view. (H, W) row 0 is the top."""

    view: View
    color: np.ndarray  # (H, W, 3) float32, sRGB-encoded, premultiplied by alpha
    alpha: np.ndarray  # (H, W) float32, 0..1
    depth: (
        np.ndarray
    )  # (H, W) float32, expected planar depth in metres; inf where alpha < NOTHING_ALPHA
    normal: np.ndarray  # (H, W, 3) float32, world, unit, facing the camera; 0 where nothing
    confidence: np.ndarray  # (H, W) float32, 0..1; 0 where nothing
    region: np.ndarray  # (H, W) int32, of the heaviest contributor; -1 where nothing or none
    origin: np.ndarray  # (H, W) int8, of the heaviest contributor; -1 where nothing

    @property
    def void(self) -> np.ndarray:
        """(H, W) bool: the disocclusion mask: where no surface is, photographed or continued."""
        return self.alpha < VOID_ALPHA

    @property
    def position(self) -> np.ndarray:
        """(H, W, 3) float32: world points at the expected depth; 0 where nothing."""
        there = np.isfinite(self.depth)
        points = self.view.unproject(np.where(there, self.depth, 1)).astype(np.float32)
        return np.where(there[..., None], points, 0)

    def linear(self) -> np.ndarray:
        """(H, W, 4) float32: scene-linear Rec.709, premultiplied, with alpha."""
        alpha = self.alpha[..., None]
        straight = self.color / np.maximum(alpha, 1e-6)
        return np.concatenate([decode_srgb(straight) * alpha, alpha], axis=-1)
