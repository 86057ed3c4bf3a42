"""The add-on's manners on the screen: one message, one sidebar, one way to register."""

from . import status
from .handlers import add_handlers, remove_handlers
from .paths import MAY_BE_RELATIVE, absolute
from .sidebar import Sidebar

__all__ = [
    "MAY_BE_RELATIVE",
    "Sidebar",
    "absolute",
    "add_handlers",
    "register",
    "remove_handlers",
    "status",
    "unregister",
]


def register() -> None:
    """Register the operator that dismisses the message."""
    status.register()


def unregister() -> None:
    """Undo `register`."""
    status.unregister()
