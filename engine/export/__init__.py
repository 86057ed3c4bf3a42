"""Pictures for a compositor.

```
render ─► frame_channels ─┐
                          ├─► write_exr ─► shot.0001.exr      write_sequence: the same for a whole shot
view, camera ─► header ───┘
Blender's File Output ─► finish ─► the same file, the contract's names, the camera in its header
render ─► frame_planes ─► write_planes ─► raw floats for Blender's own render passes
```
"""

from ..exr import read_exr, write_exr
from .contract import contract_names, frame_channels, region_layers
from .exr_header import NEAR, frame_rate, header
from .finish import finish
from .metadata import frame_confidence
from .packed import frame_planes, write_planes
from .sequence import write_sequence

__all__ = [
    "NEAR",
    "contract_names",
    "finish",
    "frame_channels",
    "frame_confidence",
    "frame_planes",
    "frame_rate",
    "header",
    "read_exr",
    "region_layers",
    "write_exr",
    "write_planes",
    "write_sequence",
]
