"""Scenes: the record, its facts, and the folder on disk (`folder`, and `parts` of it)."""

from .record import PHOTO_CAMERA, REGION_COLORS, SCHEMA, BaseWitness, Maps, Scene

__all__ = ["PHOTO_CAMERA", "REGION_COLORS", "SCHEMA", "BaseWitness", "Maps", "Scene"]
