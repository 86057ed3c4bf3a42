"""Cameras: the photo's camera as a native Blender camera, lenses, and moves as a film crew names them."""

from . import lens, moves, panel, place
from .place import has_photo_camera, place_photo_camera, show_photo

__all__ = ["has_photo_camera", "place_photo_camera", "register", "show_photo", "unregister"]


def register() -> None:
    """Register the room."""
    for module in (place, lens, moves, panel):
        module.register()


def unregister() -> None:
    """Undo `register`."""
    for module in (panel, moves, lens, place):
        module.unregister()
