"""Depth by a network that was trained by others: run here, then placed in our world.

The network predicts depth; Depth Pro tells a focal length as well. The built-in metrology measures
gravity, focal length and sky. `place` then scales the predicted depth and puts its ground at z = 0.

Metrology runs after the network, so that it can take the network's focal length. For a model that
wants a prompt it runs before, and its coarse depth is that prompt.
"""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import models
from ...errors import DepthError
from ...progress import Progress
from ..builtin import estimator as builtin
from ..placing import place
from ..provenance import TOLD_BY, Known, Origin
from ..record import DepthEstimate

NEEDS_AI_ENGINE = (
    "This depth model needs the AI engine (torch and transformers), which is not installed. "
    "Install it, or use the built-in depth."
)
_PACKAGES = ("torch", "transformers")


def measure(
    colours: np.ndarray,
    known: Known,
    name: str | None,
    folder: str | Path | None,
    progress: Progress,
) -> DepthEstimate:
    """Estimate depth with a model.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        known: focal length and camera height where the user or EXIF tells them.
        name: of the model in `engine.models`; None where the folder alone says which it is.
        folder: with the model's files; None for the default folder of models.
        progress: told 0..1; a cancel is seen before every layer.

    Raises:
        DepthError: the model or what runs it is missing, damaged, or too large for the memory.
    """
    model = models.find(name, folder)
    torch_models = _import_torch_models()
    progress(0.0, f"Opening {model.title}")
    network = torch_models.load(model, progress)

    progress(0.3, f"Depth by {model.title}")
    base: DepthEstimate | None = None
    prompt: np.ndarray | None = None
    if model.family == "prompt_depth_anything":
        base = _metrology(colours, known, progress.part(0.3, 0.45))
        prompt = _coarse_depth(base)
    predicted = network.predict(colours, known.focal, prompt, progress.part(0.45, 0.8))

    # The focal length of a network is more reliable than one from vanishing points.
    if known.focal is None and predicted.focal is not None:
        known = replace(known, focal=predicted.focal, focal_from=TOLD_BY)
    base = base or _metrology(colours, known, progress.part(0.8, 0.95))

    progress(0.95, "Placing the ground")
    origin = Origin(model.title, model.card)
    placed = place(colours, predicted.depth, known, origin, base=base)
    return placed.estimate


def _import_torch_models() -> Any:
    """Import the modules of this package that need torch, on first use.

    Raises:
        DepthError: torch or transformers are missing, or do not start.
    """
    if any(importlib.util.find_spec(package) is None for package in _PACKAGES):
        raise DepthError(NEEDS_AI_ENGINE)
    try:
        from . import torch_models
    except (ImportError, OSError, RuntimeError) as error:
        # A library that is not for this machine, or packages that clash.
        raise DepthError(
            f"The AI engine does not start ({error}). Install it again, or use the built-in depth."
        ) from error
    return torch_models


def _metrology(colours: np.ndarray, known: Known, progress: Progress) -> DepthEstimate:
    return builtin.measure(
        colours,
        known.focal,
        known.focal_from,
        known.camera_height,
        progress,
    )


def _coarse_depth(base: DepthEstimate) -> np.ndarray:
    """Return the built-in depth (H, W), metres, as a prompt.

    Sky is brought to the farthest other depth, since the network scales by the prompt's range.
    A map that is all sky stays as it is.
    """
    solid = base.depth[~base.sky]
    if not solid.size:
        return base.depth
    return np.minimum(base.depth, solid.max())
