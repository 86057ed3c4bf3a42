"""Models: which there are, under whose licence, where they live on this machine, and how they get there after a yes.

registry (what is known of each) ─► disk (found and checked, or one sentence) ◄─ download (only where it is allowed)

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
