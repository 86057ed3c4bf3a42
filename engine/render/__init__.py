"""Rendering: splats and a camera become pictures.

The passes are colour, depth, normal, confidence, void, region and origin.

    splats ─prepared─► blocks ─frame.project─► records by tile ─frame.blend─► ProxyRender

`rasteriser.render` is the door. The C kernels of `engine.kernels` do the work on a pool of threads;
`RenderOptions(twin=True)` asks their NumPy twin. On an NVIDIA card with gsplat, `cuda` draws the
same passes. Colours that change with the direction of view are in `harmonics`, and frames that are
drawn while the camera moves in `levels`.
"""

from ..kernels.constants import NOTHING_ALPHA
from .record import VOID_ALPHA, ProxyRender, RenderOptions

__all__ = ["NOTHING_ALPHA", "VOID_ALPHA", "ProxyRender", "RenderOptions"]
