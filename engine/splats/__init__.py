"""Gaussian splats: the record, lifting a depth map to it, and its file format."""

from .lift import DEFAULT_MAX_SPLATS, Lifted, grid_budget, lift
from .ply import read_ply, write_ply
from .record import GENERATED, HIDDEN_LAYER, OUTPAINTED, PHOTOGRAPHED, REFRESHED, Splats

__all__ = [
    "DEFAULT_MAX_SPLATS",
    "GENERATED",
    "HIDDEN_LAYER",
    "OUTPAINTED",
    "PHOTOGRAPHED",
    "REFRESHED",
    "Lifted",
    "Splats",
    "grid_budget",
    "lift",
    "read_ply",
    "write_ply",
]
