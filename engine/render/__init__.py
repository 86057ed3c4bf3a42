"""Splats and a camera to pictures: colour, depth, normal, confidence, void, region and origin in one pass.

    splats ─prepared─► blocks ─frame.project─► records by tile ─frame.blend─► ProxyRender

The C kernels of `engine.kernels` do the work on a pool of threads; `RenderOptions(twin=True)` asks their NumPy twin.
"""

from .match import match_photo
from .rasteriser import render
from .record import NOTHING_ALPHA, VOID_ALPHA, ProxyRender, RenderOptions

__all__ = ["NOTHING_ALPHA", "VOID_ALPHA", "ProxyRender", "RenderOptions", "match_photo", "render"]
