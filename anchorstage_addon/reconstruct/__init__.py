"""Reconstruct from an image: the operators, the panel, and what happens when the engine's answer arrives."""

from . import operators, panel


def register() -> None:
    """Register the room."""
    operators.register()
    panel.register()


def unregister() -> None:
    """Undo `register`."""
    panel.unregister()
    operators.unregister()
