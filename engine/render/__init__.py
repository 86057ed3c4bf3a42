"""Splats and a camera to pictures: colour, depth, normal, confidence, void, region and origin in one pass.

    splats ─prepared─► blocks ─frame.project─► records by tile ─frame.blend─► ProxyRender

`rasteriser.render` is the door. The C kernels of `engine.kernels` do the work on a pool of threads;
`RenderOptions(twin=True)` asks their NumPy twin. Where an NVIDIA card and gsplat are, `cuda` draws the same passes.
Colours that change with the direction of view: `harmonics`. While the camera moves: `levels`.
"""

from ..kernels.constants import NOTHING_ALPHA
from .record import VOID_ALPHA, ProxyRender, RenderOptions

__all__ = ["NOTHING_ALPHA", "VOID_ALPHA", "ProxyRender", "RenderOptions"]
