"""The render engine "AnchorStage": F12, Ctrl-F12, `blender -b`.

Passes arrive as native render layers.

```
camera ─► picture.Picture ─► job "frame" ─► raw planes ─► passes.fill ─► Blender's render result
                │
                └► rendered.keep: what the compositor's finishing step writes into the EXR's header
```
"""

from . import engine, panels
from .engine import ENGINE
from .passes import data_passes
from .rendered import Rendered, begin, fail, take

__all__ = ["ENGINE", "Rendered", "begin", "data_passes", "fail", "register", "take", "unregister"]


def register() -> None:
    """Register the engine and show Blender's own panels with it."""
    engine.register()
    panels.register()


def unregister() -> None:
    """Undo `register`."""
    panels.unregister()
    engine.unregister()
