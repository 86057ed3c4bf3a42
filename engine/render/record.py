"""The renderer's options, and the picture that it gives."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..camera import View
from ..colour import decode_srgb
from ..kernels.constants import NOTHING_ALPHA as NOTHING_ALPHA

VOID_ALPHA = 0.5  # a pixel with less coverage has not been seen

# Colours are divided by at least this alpha; what is fainter has no colour of its own.
_LEAST_ALPHA = 1e-6


@dataclass(frozen=True)
class RenderOptions:
    """Options of a picture."""

    # Colour, depth and alpha are wanted: leave normal, confidence, region and origin empty.
    color_only: bool = False
    threads: int | None = None  # None: all cores
    near: float = 0.01  # metres; splats nearer than this are not drawn
    # The photo's eye, metres, world, for the angle term of confidence.
    photo_position: tuple[float, float, float] | None = None
    # In bounded time, from levels of detail on fewer pixels: for a camera that moves; not on CUDA.
    moving: bool = False
    # A splat smaller than a pixel covers only its part of it (Mip-Splatting): no shimmer far away.
    antialiased: bool = False
    # Pixels, of the grid the splats were lifted from: antialiased, the photo's own view stays.
    photo_focal: float | None = None
    twin: bool = False  # the slow NumPy twin instead of the kernels
    # "auto" is CUDA where there is CUDA, unless a number of threads is asked for.
    backend: Literal["auto", "cpu", "cuda"] = "auto"


@dataclass(frozen=True, eq=False)
class ProxyRender:
    """All passes of one view, as `engine.tables.passes` lists them; row 0 is the top."""

    view: View
    color: np.ndarray  # (H, W, 3) float32, sRGB-encoded, premultiplied by alpha
    alpha: np.ndarray  # (H, W) float32, 0..1
    # (H, W) float32, expected planar depth in metres; inf where alpha < NOTHING_ALPHA
    depth: np.ndarray
    normal: np.ndarray  # (H, W, 3) float32, world, unit, facing the camera; 0 where nothing
    confidence: np.ndarray  # (H, W) float32, 0..1; 0 where nothing
    region: np.ndarray  # (H, W) int32, of the heaviest contributor; -1 where nothing or none
    origin: np.ndarray  # (H, W) int8, of the heaviest contributor; -1 where nothing

    @property
    def void(self) -> np.ndarray:
        """Mask of disocclusion, (H, W) bool: no surface is there, photographed or continued."""
        return self.alpha < VOID_ALPHA

    @property
    def position(self) -> np.ndarray:
        """World points at the expected depth, (H, W, 3) float32, metres; 0 where nothing."""
        is_surface = np.isfinite(self.depth)
        depth = np.where(is_surface, self.depth, 1)
        points = self.view.unproject(depth)  # [H, W, 3], metres, world
        points = points.astype(np.float32)
        return np.where(is_surface[..., None], points, 0)

    def linear(self) -> np.ndarray:
        """Return the picture as (H, W, 4) float32: scene-linear Rec.709, premultiplied, alpha."""
        alpha = self.alpha[..., None]
        straight = self.color / np.maximum(alpha, _LEAST_ALPHA)
        premultiplied = decode_srgb(straight) * alpha
        return np.concatenate([premultiplied, alpha], axis=-1)
