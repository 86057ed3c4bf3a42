"""Fitting: splats corrected by gradient descent until their renders are given pictures.

    splats ─leaves─► torch ─rasterise─► picture ─loss─► gradients ─Adam─► leaves ... ─best─► splats

Nothing here imports torch until `fit` is called: an installation without the AI engine can import
this room.
"""

from .descent import device_for, fit
from .record import GROUPS, FitOptions, Shot

__all__ = ["GROUPS", "FitOptions", "Shot", "device_for", "fit"]
