"""Planes: the flat parts of a depth map, found among points that know their normals.

    depth map ─► cells ─► window_normals ─► find_planes ─► belonging: the plane of each point

A plane is four numbers a b c d in the world, with a x + b y + c z + d = 0 and (a, b, c) of unit
length, towards the camera.
"""

from .nearness import COST_OF_NONE, UPRIGHT, angle_cost, belonging, distance_cost
from .search import find_planes
from .windows import cells_of, on_cells, window_normals

__all__ = [
    "COST_OF_NONE",
    "UPRIGHT",
    "angle_cost",
    "belonging",
    "cells_of",
    "distance_cost",
    "find_planes",
    "on_cells",
    "window_normals",
]
