"""Handlers of Blender's events: a room adds its own when it is registered, and takes them back."""

from collections.abc import Callable, Iterable
from typing import Any

import bpy

# The name of a list in bpy.app.handlers, and the function.
Handler = tuple[str, Callable[..., Any]]


def add_handlers(handlers: Iterable[Handler]) -> None:
    """Have Blender call each function at its event."""
    for name, function in handlers:
        getattr(bpy.app.handlers, name).append(function)


def remove_handlers(handlers: Iterable[Handler]) -> None:
    """Undo `add_handlers`; a handler that is gone already is no error."""
    for name, function in handlers:
        registered = getattr(bpy.app.handlers, name)
        if function in registered:
            registered.remove(function)
