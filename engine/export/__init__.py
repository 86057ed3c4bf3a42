"""Pictures for a compositor.

```
render ─► contract.frame_channels ─┐
                                   ├─► exr.write_exr ─► shot.0001.exr
view, camera ─► exr_header.header ─┘                    sequence.write_sequence: a whole shot
Blender's File Output ─► finish.finish ─► the same file, the contract's names, the camera's header
render ─► packed.frame_planes ─► packed.write_planes ─► raw floats for Blender's own render passes
```

Only what needs neither OpenEXR nor OpenCV stands here; the rest is imported from its own file.
"""

from .contract import NOTHING_DEPTH, contract_names, frame_channels, region_layers
from .exr_header import NEAR, frame_rate, header

__all__ = [
    "NEAR",
    "NOTHING_DEPTH",
    "contract_names",
    "frame_channels",
    "frame_rate",
    "header",
    "region_layers",
]
