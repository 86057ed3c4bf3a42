"""The `anchorstage` command: the jobs of `engine.jobs`, and `serve`.

`--json` prints one object on standard output; progress goes to standard error. Bad input: one
sentence, exit status 2.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from ..errors import AnchorStageError, Cancelled
from ..jobs import Desk, find
from ..options import record_from
from ..progress import Progress
from .parser import SERVE, USAGE_ERROR, parser_for

SIGNALLED = 128  # and the signal's number: how a shell reports a program that a signal ended
INTERRUPTED = SIGNALLED + signal.SIGINT  # Ctrl-C
_BAR = 24  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _ended_tidily():
            return _run(sys.argv[1:] if arguments is None else arguments)
    except Cancelled:
        return INTERRUPTED
    except AnchorStageError as error:
        return _refuse(str(error))
    except MemoryError:
        return _refuse("there is not enough memory; use a smaller photo or fewer splats.")
    except KeyboardInterrupt:
        print("\nanchorstage: cancelled.", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    given = vars(parser_for(arguments).parse_args(arguments))
    name = given.pop("command")
    if name == SERVE:
        from ..wire.pipe import serve_process  # and with it every job

        return serve_process()
    as_json = given.pop("json")
    quiet = given.pop("quiet")
    job = find(name)
    lends = {blob: given.pop(blob) for blob in job.lends}
    wants = {blob: given.pop(blob) for blob in job.wants}
    desk = Desk.local(Progress(None if quiet else _bar), lends=lends, wants=wants)
    result = job.run(record_from(job.options, given), desk)
    return _print(
        json.dumps(result, ensure_ascii=False) if as_json else "\n".join(job.tell(result))
    )


def _print(text: str) -> int:
    """Print a result; where nobody reads it, that is no fault."""
    try:
        print(text)
        if sys.stdout is not None:  # closed by whoever started the command
            sys.stdout.flush()
    except OSError as error:
        # What is still in the buffer must not fail a second time when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader that has seen enough is no fault
            return _refuse(
                f"the work is done, but its summary could not be printed ({error.strerror})."
            )
    return 0


def _refuse(sentence: str) -> int:
    # A name or a library's words may hold a line end; what is wrong is one line.
    print(f"anchorstage: {' '.join(sentence.split())}", file=sys.stderr)
    return USAGE_ERROR


@contextmanager
def _ended_tidily() -> Iterator[None]:
    """Leave nothing half-written when the program is asked to end: a closed terminal, `kill`."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(SIGNALLED + number)

    main = threading.current_thread() is threading.main_thread()  # no other may set handlers
    names = [name for name in ("SIGTERM", "SIGHUP") if main and hasattr(signal, name)]
    before = {getattr(signal, name): signal.signal(getattr(signal, name), end) for name in names}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bar(fraction: float, stage: str) -> None:
    if not sys.stderr.isatty():
        return
    filled = round(fraction * _BAR)
    end = "\n" if fraction >= 1 else ""
    print(
        f"\r\033[K{'█' * filled}{'░' * (_BAR - filled)} {fraction:4.0%}  {stage}",
        end=end,
        file=sys.stderr,
        flush=True,
    )
