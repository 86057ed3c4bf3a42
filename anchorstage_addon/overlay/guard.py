"""One error stops the drawing with one logged sentence, instead of a traceback at every redraw."""

import functools
import logging
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)
_stopped: set[str] = set()


def stops_drawing(function: Callable) -> Callable:
    """A draw handler or timer that logs its first error and does nothing from then on, until `restart`."""

    @functools.wraps(function)
    def guarded() -> Any:
        if _stopped:
            return None
        try:
            return function()
        except Exception:
            _stopped.add(function.__name__)
            logger.exception(
                "The splat overlay stopped after an error; open the scene again to restart it."
            )
            return None

    return guarded


def restart() -> None:
    """Lets the drawing go on after an error."""
    _stopped.clear()


def stopped() -> bool:
    """Whether an error has stopped the drawing."""
    return bool(_stopped)
