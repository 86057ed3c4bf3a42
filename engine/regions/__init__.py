"""Regions: a photo cut into named parts: sky, ground, facades and other planes, and what stands before them."""

from .record import Region

__all__ = ["Region"]
