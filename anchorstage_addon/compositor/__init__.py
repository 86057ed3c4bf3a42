"""The compositor: nodes that write the EXRs, the step that finishes them, and the panel.

```
setup.ensure_export: Render Layers ─► File Output ─► shot.####.exr        beside the artist's nodes
finishing: after each frame ─► job "finish" ─► the contract's names, the camera in the header
```
"""

from . import finishing, operators, panel, settings


def register() -> None:
    """Register the room."""
    settings.register()
    operators.register()
    panel.register()
    finishing.register()


def unregister() -> None:
    """Undo `register`."""
    finishing.unregister()
    panel.unregister()
    operators.unregister()
    settings.unregister()
