"""Levels of detail: splats merged by fours, so that a frame keeps its time while the camera moves.

splats ─order─► fours ─merge─► fours ─merge─► … one tree of chunks
tree ─cut─► chunks within a budget ─moving─► ProxyRender
"""

from .record import Levels

__all__ = ["Levels"]
