"""Scenes: the record and the folder on disk."""

from .disk import SUFFIX, save
from .opening import open_scene
from .record import PHOTO_CAMERA, REGION_COLORS, SCHEMA, BaseWitness, Maps, Scene

__all__ = ["PHOTO_CAMERA", "REGION_COLORS", "SCHEMA", "SUFFIX", "BaseWitness", "Maps", "Scene", "open_scene", "save"]
