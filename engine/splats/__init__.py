"""Gaussian splats: the record, and what moves it."""

from .record import (
    DEFAULT_MAX_SPLATS,
    GENERATED,
    HIDDEN_LAYER,
    OUTPAINTED,
    PHOTOGRAPHED,
    REFRESHED,
    Splats,
)

__all__ = [
    "DEFAULT_MAX_SPLATS",
    "GENERATED",
    "HIDDEN_LAYER",
    "OUTPAINTED",
    "PHOTOGRAPHED",
    "REFRESHED",
    "Splats",
]
