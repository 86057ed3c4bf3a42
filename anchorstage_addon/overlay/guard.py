"""One error stops the drawing with one logged sentence, instead of a traceback at every redraw."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from .. import session

logger = logging.getLogger(__name__)


class Guard:
    """The state of the drawing: it goes on, or an error has stopped it."""

    stopped = False


def stops_drawing(function: Callable) -> Callable:
    """Have a draw handler or timer log its first error and do nothing until `restart`."""

    @functools.wraps(function)
    def guarded() -> Any:
        if stopped():
            return None
        try:
            return function()
        except Exception:
            session.of(Guard).stopped = True
            logger.exception(
                "The splat overlay stopped after an error; open the scene again to restart it."
            )
            return None

    return guarded


def restart() -> None:
    """Let the drawing go on after an error."""
    session.of(Guard).stopped = False


def stopped() -> bool:
    """Return True where an error has stopped the drawing."""
    return session.of(Guard).stopped
