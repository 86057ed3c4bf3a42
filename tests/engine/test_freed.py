"""Freed memory goes back to the system between the stages of a job."""

import os
import platform
from pathlib import Path

import numpy as np
import pytest

from engine.freed import give_back
from engine.stopwatch import Stopwatch

MEBIBYTE = 1 << 20
PIECE = (
    40_000  # bytes: below what the C library maps apart, above what Python's own allocator keeps
)


def resident():
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc",
    reason="another C library keeps no freed memory that can be given back",
)
@pytest.mark.parametrize(
    "release", [give_back, lambda: Stopwatch().stage("next").__enter__()], ids=["asked", "stage"]
)
def test_what_lies_between_used_pieces_goes_back(release):
    """Every second of many pieces freed: the C library keeps them all until it is told."""
    pieces = [np.ones(PIECE, np.uint8) for _ in range(3000)]
    kept = pieces[::2]
    del pieces
    before = resident()
    release()
    assert resident() < before - 20 * MEBIBYTE
    assert all(piece[-1] == 1 for piece in kept)


def test_a_stage_that_fails_is_timed_and_its_error_seen():
    watch = Stopwatch()
    with pytest.raises(ValueError, match="inside"), watch.stage("one"):
        raise ValueError("inside")
    with watch.stage("one"), watch.stage("two"):
        pass
    assert list(watch.seconds) == ["one", "two"]
    assert all(seconds >= 0 for seconds in watch.seconds.values())
