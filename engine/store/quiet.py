"""Libraries that print: the messages of OpenCV and OpenEXR are kept from the terminal.

A damaged file makes them write dozens of lines; the artist shall read one sentence, and it is ours.
"""

import io
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import BinaryIO

log = logging.getLogger(__name__)

# The descriptor of standard error.
_STDERR = 2
# Bytes of messages that are kept; more complaints say nothing new.
_KEPT = 100_000
_one_at_a_time = threading.RLock()


@dataclass
class Said:
    """The messages, once the block has ended."""

    text: str = ""


@contextmanager
def quiet() -> Iterator[Said]:
    """Keep what libraries write to standard error and print; log it for debugging.

    The descriptor is the whole process', so the block is to be short: one call into a library.
    """
    said = Said()
    # OpenEXR's Python door prints to `sys.stdout`; all others write to the descriptor.
    printed = io.StringIO()
    with _one_at_a_time, redirect_stdout(printed), _sink() as sink:
        try:
            kept = os.dup(_STDERR)
        except OSError:  # a program without a console
            yield said
            return
        os.dup2(sink.fileno(), _STDERR)
        try:
            yield said
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            sink.seek(0)
            written = sink.read(_KEPT).decode("utf-8", "replace")
            said.text = printed.getvalue() + written
            if said.text:
                log.debug("a library said: %s", said.text)


def _sink() -> BinaryIO:
    try:
        return tempfile.TemporaryFile()
    except OSError:  # nowhere to keep it
        return open(os.devnull, "w+b")
