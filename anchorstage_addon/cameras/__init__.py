"""Cameras: the photo's camera as a native Blender camera, lenses, and moves as a film crew names them."""

from . import lens, moves, panel, place
from .place import place_photo_camera

__all__ = ["place_photo_camera", "register", "unregister"]


def register() -> None:
    """Register the room."""
    for module in (place, lens, moves, panel):
        module.register()


def unregister() -> None:
    """Undo `register`."""
    for module in (panel, moves, lens, place):
        module.unregister()
