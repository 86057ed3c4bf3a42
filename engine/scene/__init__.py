"""Scenes: the record and the folder on disk."""

from .disk import SUFFIX, save
from .measure import Measure, measured
from .opening import open_scene
from .record import PHOTO_CAMERA, REGION_COLORS, SCHEMA, BaseWitness, Maps, Scene
from .rescale import replace_scene, rescale

__all__ = [
    "PHOTO_CAMERA",
    "REGION_COLORS",
    "SCHEMA",
    "SUFFIX",
    "BaseWitness",
    "Maps",
    "Measure",
    "Scene",
    "measured",
    "open_scene",
    "replace_scene",
    "rescale",
    "save",
]
