"""The add-on's memory while it is enabled: one session, which `register` begins anew.

A room that must remember something keeps it in a class of its own, and asks for the one object of
the session:

    state = session.of(LastMessage)
    state.text = "…"

Nothing else in the add-on is a variable of a module.
"""

from typing import TypeVar

State = TypeVar("State")


class Session:
    """The states of all rooms, each made when it is first asked for."""

    def __init__(self) -> None:
        self._states: dict[type, object] = {}

    def of(self, kind: type[State]) -> State:
        """Return the session's one object of a class, which is made without arguments."""
        if kind not in self._states:
            self._states[kind] = kind()
        state = self._states[kind]
        assert isinstance(state, kind)
        return state

    def clear(self) -> None:
        """Forget all states."""
        self._states.clear()


_session = Session()


def of(kind: type[State]) -> State:
    """Return this session's one object of a class."""
    return _session.of(kind)


def register() -> None:
    """Begin a new session."""
    _session.clear()


def unregister() -> None:
    """End the session."""
    _session.clear()
