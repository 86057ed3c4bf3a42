"""Gaussian splats: the record, lifting a depth map to it, and its file format."""

from .lift import DEFAULT_MAX_SPLATS, Lifted, grid_budget, lift, plain_share
from .ply import read_ply, write_ply
from .record import GENERATED, HIDDEN_LAYER, OUTPAINTED, PHOTOGRAPHED, REFRESHED, Splats
from .sharp import import_sharp

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
    "import_sharp",
    "lift",
    "plain_share",
    "read_ply",
    "write_ply",
]
