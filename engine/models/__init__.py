"""Models: their cards and licences, their folders on this machine, and their download after a yes.

registry (the cards) ─► disk (a checked folder, or one sentence) ◄─ download (only where allowed)

Import `models.download` where it is needed: nothing else here loads what opens connections.
"""

from .disk import LocalModel, find, inspect, installed, models_folder
from .registry import MODELS, SHARP, Family, ModelCard, card, gives, listing

__all__ = [
    "MODELS",
    "SHARP",
    "Family",
    "LocalModel",
    "ModelCard",
    "card",
    "find",
    "gives",
    "inspect",
    "installed",
    "listing",
    "models_folder",
]
