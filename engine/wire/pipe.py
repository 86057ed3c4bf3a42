"""The ways in on one machine: standard input and output of a process, and a thread."""

import logging
import os
import sys
from collections.abc import Callable, Iterable

from .. import exr
from .server import serve

_GONE = 0  # the exit status when Blender is gone


def serve_process() -> int:
    """Serve on standard input and output; other writers to standard output get standard error."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def send(line: str) -> None:
        try:
            wire.write(line)
            wire.flush()
        except (BrokenPipeError, ValueError):
            os._exit(_GONE)  # nobody waits for this job any more

    serve(sys.stdin, send)
    return 0


def serve_thread(lines: Iterable[str], send: Callable[[str], None]) -> None:
    """Serve inside Blender's own process, until `lines` ends; returns then."""
    serve(lines, send)


def refusal_inside() -> str | None:
    """Say in one sentence why the engine cannot run inside this process; None where it can."""
    return exr.clash()
