"""Opening: open, relink and reload a scene folder; the overlay follows files, undo and scenes."""

from . import follow, operators, panel
from .follow import file_number, refresh_overlay
from .window import look_through_camera, push_undo

__all__ = [
    "file_number",
    "look_through_camera",
    "push_undo",
    "refresh_overlay",
    "register",
    "unregister",
]


def register() -> None:
    """Register operators, panel and handlers."""
    operators.register()
    panel.register()
    follow.register()


def unregister() -> None:
    """Undo `register`."""
    follow.unregister()
    panel.unregister()
    operators.unregister()
