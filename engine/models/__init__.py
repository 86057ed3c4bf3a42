"""Models: the known ones with their licences, their folder, and their download after a yes.

registry (what is known of each) ─► disk (found and checked) ◄─ download (where it is allowed)

`models.download` is imported by who needs it: nothing else here loads what opens connections.
"""

from .disk import LocalModel, find, inspect, installed, models_folder
from .registry import MODELS, SHARP, Family, ModelCard, card, listing

__all__ = [
    "MODELS",
    "SHARP",
    "Family",
    "LocalModel",
    "ModelCard",
    "card",
    "find",
    "inspect",
    "installed",
    "listing",
    "models_folder",
]
