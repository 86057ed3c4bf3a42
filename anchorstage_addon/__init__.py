"""AnchorStage in Blender: what the artist sees and touches. The engine works in its own process.

Rooms, in the order they are registered; each has `register` and `unregister`.
"""

from . import (
    cameras,
    compositor,
    link,
    opening,
    overlay,
    preferences,
    reconstruct,
    regions,
    render_engine,
    scene_state,
    session,
    ui,
)

_ROOMS = (
    session,
    preferences,
    link,
    ui,
    scene_state,
    cameras,
    overlay,
    opening,
    reconstruct,
    regions,
    render_engine,
    compositor,
)


def register() -> None:
    """Register every room; where one fails, take back the ones before.

    So enabling the add-on can be tried again.
    """
    done = []
    try:
        for room in _ROOMS:
            room.register()
            done.append(room)
    except Exception:
        for room in reversed(done):
            room.unregister()
        raise


def unregister() -> None:
    """Undo `register`, last room first."""
    for room in reversed(_ROOMS):
        room.unregister()
