"""Levels of detail: what keeps a frame within its time while the camera moves.

splats ─order─► fours ─merge─► fours ─merge─► … one tree of chunks ─cut─► a budget's worth ─moving─► ProxyRender
"""

from .build import build_levels
from .file import key_of, read_levels, write_levels
from .kept import attach, attached, expect, levels_of
from .moving import render_moving
from .record import Levels

__all__ = [
    "Levels",
    "attach",
    "attached",
    "build_levels",
    "expect",
    "key_of",
    "levels_of",
    "read_levels",
    "render_moving",
    "write_levels",
]
