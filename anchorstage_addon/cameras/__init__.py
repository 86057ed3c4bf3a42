"""The photo's camera as a native Blender camera, lenses, and moves as a film crew names them."""

from . import keys, lens, moves, panel, place
from .place import has_photo_camera, place_photo_camera, show_photo

__all__ = ["has_photo_camera", "place_photo_camera", "register", "show_photo", "unregister"]

_MODULES = (place, keys, lens, moves, panel)


def register() -> None:
    """Register the room."""
    for module in _MODULES:
        module.register()


def unregister() -> None:
    """Undo `register`."""
    for module in reversed(_MODULES):
        module.unregister()
