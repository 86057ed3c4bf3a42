"""SHARP itself, where its package and a checkpoint are on this machine: one photo to Gaussians in the camera's frame.

The package is its authors' (github.com/apple/ml-sharp, Mescheder et al. 2025); nothing of it is in ours, and its checkpoint is
licensed for research alone.
"""

import importlib.util
import logging
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from ..camera import View
from ..colour import encode_srgb
from ..errors import SplatError
from ..models import SHARP, installed, models_folder
from ..progress import Progress
from ..splats.record import Splats
from .judging import judged

_log = logging.getLogger(__name__)
_PLACES = "https://github.com/apple/ml-sharp"
_LEAST_OPACITY = 1 / 255  # what is less shows in no picture


def find_checkpoint(given: str | Path | None = None) -> Path:
    """SHARP's checkpoint: the file or folder given, else where models are kept, else where its own program has put it.

    Raises:
        SplatError: it is nowhere.
    """
    name = SHARP.files[0]
    place = installed(SHARP) if given is None else Path(given)
    if place is not None and place.is_file():
        return place
    found = sorted(place.glob("*.pt")) if place is not None else []
    if not found:
        folder = models_folder() / SHARP.name if given is None else place
        terms = f"{SHARP.megabytes} MB, {SHARP.licence}"
        raise SplatError(
            f"SHARP's checkpoint {name} is not in “{folder}”. Get it from {_PLACES} ({terms})."
        )
    return next((file for file in found if file.name == name), found[0])


def predict(
    colours: np.ndarray,
    focal: float,
    checkpoint: Path,
    progress: Progress,
    device: str | None = None,
) -> tuple[Splats, View]:
    """Gaussians of a photo.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        focal: pixels of this picture.
        checkpoint: SHARP's own .pt.
        progress: told 0..1; the network itself cannot be interrupted.
        device: of torch; the fastest where None.

    Returns:
        In the camera's own frame (x right, y down, z forward, metres), with origin and confidence; the view at the origin.

    Raises:
        SplatError: the package is not here or does not start, the checkpoint does not fit, or memory runs out.
    """
    package = _package()
    device = device or (
        "cuda"
        if torch.cuda.is_available()
        else "mps"
        if torch.backends.mps.is_available()
        else "cpu"
    )
    progress(0.0, "Opening SHARP")
    try:
        network = _open(package, checkpoint, device)
        progress(0.3, "Gaussians by SHARP")
        picture = (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)
        found = package.predict_image(network, picture, float(focal), torch.device(device))
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise SplatError(
            "There is not enough memory for SHARP. Close other programs, or use another depth source."
        ) from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.info("SHARP failed", exc_info=True)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SplatError(
            f"SHARP failed on this photo ({reason}). Use another depth source."
        ) from error
    progress(0.9, "Gaussians by SHARP")
    height, width = colours.shape[:2]
    view = View(focal, focal, width / 2, height / 2, width, height, np.eye(4))
    return judged(_record(found), view), view


def _open(package: "_Package", checkpoint: Path, device: str) -> Any:
    """The network with its weights; a file that could run programs is not opened."""
    try:
        network = package.create_predictor(package.PredictorParams())
        network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        UnpicklingError,
    ) as error:
        _log.info("%s did not load", checkpoint, exc_info=True)
        raise SplatError(
            f"“{checkpoint}” is no checkpoint that fits SHARP's package. Get it again from {_PLACES}."
        ) from error
    return network.eval().to(device)


class _Package:
    """The three names of SHARP's package that are used."""

    def __init__(self) -> None:
        from sharp.cli.predict import predict_image
        from sharp.models import PredictorParams, create_predictor

        self.predict_image: Any = predict_image
        self.create_predictor: Any = create_predictor
        self.PredictorParams: Any = PredictorParams


def _package() -> _Package:
    if importlib.util.find_spec("sharp") is None:
        raise SplatError(
            f"The package `sharp` is not in this environment. Install it from {_PLACES}, or use another source."
        )
    try:
        return _Package()
    except (ImportError, OSError, RuntimeError) as error:
        raise SplatError(
            f"The package `sharp` does not start ({error}). Install it again, or use another source."
        ) from error


def _record(found: Any) -> Splats:
    """SHARP's `Gaussians3D` (a batch of one, linear colours) as our record; what is invisible or no number is left out."""

    def rows(tensor: torch.Tensor, *tail: int) -> np.ndarray:
        return tensor.detach().float().cpu().numpy().reshape(-1, *tail)

    positions, scales = rows(found.mean_vectors, 3), rows(found.singular_values, 3)
    rotations, colors, opacities = (
        rows(found.quaternions, 4),
        rows(found.colors, 3),
        rows(found.opacities),
    )
    length = np.linalg.norm(rotations, axis=1)
    keep = (opacities >= _LEAST_OPACITY) & (length > 0) & np.isfinite(length)
    for values in (positions, scales, colors):
        keep &= np.isfinite(values).all(axis=1)
    if not keep.any():
        raise SplatError("SHARP gave no Gaussians for this photo. Use another depth source.")
    count = int(keep.sum())
    return Splats(
        positions=positions[keep],
        scales=scales[keep],
        rotations=rotations[keep] / length[keep, None],
        opacities=np.clip(opacities[keep], 0, 1),
        colors=encode_srgb(np.maximum(colors[keep], 0)),
        confidence=np.ones(count),
        region=np.full(count, -1),
        origin=np.zeros(count),
    )
