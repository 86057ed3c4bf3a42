"""SHARP itself, where its package and a checkpoint are on this machine: one photo to Gaussians.

The package is its authors' (github.com/apple/ml-sharp, Mescheder et al. 2025). Nothing of it is in
ours, and its checkpoint is licensed for research alone.
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

_LEAST_OPACITY = 1 / 255  # a fainter Gaussian shows in no picture

# Errors of the package or the network when a checkpoint or a photo does not suit them.
_FAILURES = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError)


def find_checkpoint(given: str | Path | None = None) -> Path:
    """Find SHARP's checkpoint.

    Args:
        given: the file, or a folder with it; None: where models are kept, else where SHARP's own
            program has put it.

    Raises:
        SplatError: it is nowhere.
    """
    name = SHARP.files[0]
    place = installed(SHARP) if given is None else Path(given)
    if place is not None and place.is_file():
        return place
    checkpoints = sorted(place.glob("*.pt")) if place is not None else []
    if not checkpoints:
        folder = models_folder() / SHARP.name if given is None else place
        terms = f"{SHARP.megabytes} MB, {SHARP.licence}"
        raise SplatError(
            f"SHARP's checkpoint {name} is not in “{folder}”. Get it from {_PLACES} ({terms})."
        )
    # The usual name first: a folder may hold other checkpoints as well.
    usual = [file for file in checkpoints if file.name == name]
    return usual[0] if usual else checkpoints[0]


def predict(
    colours: np.ndarray,
    focal: float,
    checkpoint: Path,
    progress: Progress,
    device: str | None = None,
) -> tuple[Splats, View]:
    """Predict the Gaussians of a photo.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        focal: pixels of this picture.
        checkpoint: SHARP's own .pt.
        progress: told 0..1; the network itself cannot be interrupted.
        device: of torch; the fastest where None.

    Returns:
        The Gaussians in the camera's own frame (x right, y down, z forward, metres), with origin
        and confidence; and the view at its origin.

    Raises:
        SplatError: the package is not here or does not start, the checkpoint does not fit, or
            memory runs out.
    """
    package = _package()
    device = device or _fastest_device()
    progress(0.0, "Opening SHARP")
    try:
        network = _open(package, checkpoint, device)
        progress(0.3, "Gaussians by SHARP")
        # SHARP takes pictures of 8 bits.
        picture = (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)
        gaussians = package.predict_image(
            network,
            picture,
            float(focal),
            torch.device(device),
        )
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise SplatError(
            "There is not enough memory for SHARP."
            " Close other programs, or use another depth source."
        ) from error
    except _FAILURES as error:
        _log.info("SHARP failed", exc_info=True)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SplatError(
            f"SHARP failed on this photo ({reason}). Use another depth source."
        ) from error
    progress(0.9, "Gaussians by SHARP")
    height, width = colours.shape[:2]
    view = View(focal, focal, width / 2, height / 2, width, height, np.eye(4))
    return judged(_record(gaussians), view), view


def _fastest_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def _open(package: "_Package", checkpoint: Path, device: str) -> Any:
    """Open the network with its weights."""
    try:
        network = package.create_predictor(package.PredictorParams())
        # `weights_only`: a pickle could run any program.
        weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
        network.load_state_dict(weights)
    except (*_FAILURES, EOFError, UnpicklingError) as error:
        _log.info("%s did not load", checkpoint, exc_info=True)
        raise SplatError(
            f"“{checkpoint}” is no checkpoint that fits SHARP's package."
            f" Get it again from {_PLACES}."
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
            "The package `sharp` is not in this environment."
            f" Install it from {_PLACES}, or use another source."
        )
    try:
        return _Package()
    except (ImportError, OSError, RuntimeError) as error:
        raise SplatError(
            f"The package `sharp` does not start ({error})."
            " Install it again, or use another source."
        ) from error


def _record(gaussians: Any) -> Splats:
    """Convert SHARP's `Gaussians3D`, a batch of one with linear colours, to our record.

    Gaussians that are invisible, or hold values that are no numbers, are left out.

    Raises:
        SplatError: none is left.
    """
    positions = _rows(gaussians.mean_vectors, 3)
    scales = _rows(gaussians.singular_values, 3)
    rotations = _rows(gaussians.quaternions, 4)
    colors = _rows(gaussians.colors, 3)
    opacities = _rows(gaussians.opacities)

    length = np.linalg.norm(rotations, axis=1)
    is_kept = (opacities >= _LEAST_OPACITY) & (length > 0) & np.isfinite(length)
    for values in (positions, scales, colors):
        is_kept &= np.isfinite(values).all(axis=1)
    if not is_kept.any():
        raise SplatError("SHARP gave no Gaussians for this photo. Use another depth source.")

    count = int(is_kept.sum())
    linear_colors = np.maximum(colors[is_kept], 0)
    return Splats(
        positions=positions[is_kept],
        scales=scales[is_kept],
        rotations=rotations[is_kept] / length[is_kept, None],
        opacities=np.clip(opacities[is_kept], 0, 1),
        colors=encode_srgb(linear_colors),
        # Judged by what the photo's camera sees of them.
        confidence=np.ones(count),
        region=np.full(count, -1),
        origin=np.zeros(count),
    )


def _rows(tensor: torch.Tensor, *row_shape: int) -> np.ndarray:
    """Copy a tensor to an array (N, ...) of rows."""
    values = tensor.detach().float().cpu().numpy()
    return values.reshape(-1, *row_shape)
