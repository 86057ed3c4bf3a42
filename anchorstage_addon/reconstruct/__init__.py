"""Reconstruct from an image: operators, panel, the job's start and its result's arrival."""

from . import operators, panel


def register() -> None:
    """Register the room."""
    operators.register()
    panel.register()


def unregister() -> None:
    """Undo `register`."""
    panel.unregister()
    operators.unregister()
