"""Regions: a photo cut into named parts: sky, ground, facades and other planes, the foreground."""

from .record import Region

__all__ = ["Region"]
