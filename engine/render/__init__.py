"""Splats and a camera to pictures: colour, depth, normal, confidence, void, region and origin in one pass.

    splats ─prepared─► blocks ─frame.project─► records by tile ─frame.blend─► ProxyRender

The C kernels of `engine.kernels` do the work on a pool of threads; `RenderOptions(twin=True)` asks their NumPy twin.
Where an NVIDIA card and gsplat are, `cuda` draws the same passes. Colours that change with the direction of view: `harmonics`.
"""

from . import levels
from .fitting import FitOptions, Shot, fit
from .match import match_photo
from .rasteriser import render
from .record import NOTHING_ALPHA, VOID_ALPHA, ProxyRender, RenderOptions

__all__ = [
    "NOTHING_ALPHA",
    "VOID_ALPHA",
    "FitOptions",
    "ProxyRender",
    "RenderOptions",
    "Shot",
    "fit",
    "levels",
    "match_photo",
    "render",
]
