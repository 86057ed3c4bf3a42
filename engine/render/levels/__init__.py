"""Levels of detail: what keeps a frame within its time while the camera moves.

splats ─order─► fours ─merge─► fours ─merge─► … one tree of chunks ─cut─► a budget's worth ─moving─► ProxyRender
"""

from .record import Levels

__all__ = ["Levels"]
