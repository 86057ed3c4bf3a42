"""Depth networks run by torch and transformers, opened from a folder, never from the net.

    LocalModel ─► load (kept warm) ─► TorchModel.predict(colours) ─► ModelDepth

A prediction can be cancelled between any two layers.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from ...errors import DepthError
from ...models import LocalModel
from ...progress import Progress
from .preparing import PREPARATIONS, Preparation, prepare, restore
from .resampling import resample

_log = logging.getLogger(__name__)

# The class of transformers for each family.
_CLASSES = {
    "depth_anything": "DepthAnythingForDepthEstimation",
    "prompt_depth_anything": "PromptDepthAnythingForDepthEstimation",
    "zoedepth": "ZoeDepthForDepthEstimation",
    "depth_pro": "DepthProForDepthEstimation",
}
# The prompted models were trained with prompts of this size: those of a telephone's lidar.
_PROMPT_SHORT_SIDE = 192  # pixels
_PROMPT_LONG_SIDE = 256  # pixels
_FLATTEST = 1e-3  # range of a prompt over its largest depth: the network divides by its range
# Degrees of view that a lens may have; a network that tells others has not understood the picture.
_NARROWEST_VIEW = 2.0
_WIDEST_VIEW = 170.0
_NEAREST = 0.01  # metres
_FARTHEST = 1e4  # metres; Depth Pro's own farthest
# Parts of torch's messages where it has no exception of its own for a full memory.
_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
)
# Exceptions of transformers and safetensors on files that they cannot use.
_LOADING_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    SafetensorError,
    StrictDataclassError,
)

# The network that was opened last, by folder, stamp and device: the next photo need not wait.
# Only one is kept, for memory may not hold two.
_kept: dict[tuple[str, int, str], torch.nn.Module] = {}
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class ModelDepth:
    """The depth that a network sees in a picture."""

    depth: np.ndarray  # (H, W) float32, planar metres, finite and positive
    focal: float | None  # pixels of the picture, where the network told it


class TorchModel:
    """One loaded model."""

    def __init__(self, model: LocalModel, module: Any, device: str) -> None:
        """Take an opened network.

        Args:
            model: the files it is from.
            module: called as the transformers class of its family is.
            device: of torch, where the module is.
        """
        self.model = model
        self.module = module
        self.device = device
        self.how: Preparation = PREPARATIONS[model.family].with_file(model.processor)

    def predict(
        self,
        colours: np.ndarray,
        focal: float | None,
        prompt: np.ndarray | None,
        progress: Progress,
    ) -> ModelDepth:
        """Predict the depth of a picture.

        Args:
            colours: (H, W, 3) float32, sRGB-encoded.
            focal: pixels of this picture where it is known; Depth Pro's metres rest on it, the
                others do not ask.
            prompt: (h, w) metres, a coarse depth of the same picture, for the prompted models; or
                None.
            progress: asked before every layer whether to stop.

        Raises:
            DepthError: no memory, or the output is no depth.
            Cancelled: by the user.
        """
        values, view_degrees = self._guarded_run(colours, prompt, progress)
        if not np.isfinite(values).all():
            raise DepthError(
                f"{self.model.title} gave values that are no depth. Use another model, or builtin."
            )

        # Resampled as inverse depth, which is linear in the picture on any plane: planes stay so.
        height, width = colours.shape[:2]
        told_focal: float | None = None
        if self.model.family == "depth_pro":
            scale, told_focal = self._lens(focal, view_degrees, width)
            canonical = restore(values, self.how, height, width)
            inverse_depth = canonical * np.float32(scale)
        else:
            inverse = 1 / np.clip(values, _NEAREST, _FARTHEST)
            inverse_depth = restore(inverse, self.how, height, width)
        inverse_depth = np.clip(inverse_depth, 1 / _FARTHEST, 1 / _NEAREST)
        depth = 1 / inverse_depth
        return ModelDepth(depth.astype(np.float32), told_focal)

    def _guarded_run(
        self,
        colours: np.ndarray,
        prompt: np.ndarray | None,
        progress: Progress,
    ) -> tuple[np.ndarray, float | None]:
        """Run the network on colours (H, W, 3); what goes wrong becomes a sentence for people."""
        try:
            with (
                _memory_guarded(self.model),
                _cancellable(self.module, progress),
                torch.inference_mode(),
            ):
                picture = prepare(colours, self.how)
                return self._run(picture, prompt)
        except (RuntimeError, ValueError) as error:
            # A picture's size that the model's own preprocessor_config.json gets wrong.
            raise DepthError(
                f"{self.model.title} does not fit its own description ({error}). Download it again."
            ) from error

    def _run(
        self,
        picture: np.ndarray,
        prompt: np.ndarray | None,
    ) -> tuple[np.ndarray, float | None]:
        """Return the network's own map (h, w) of a prepared picture, and the view it tells.

        The view is in degrees, None for networks that tell none.
        """
        pixels = torch.from_numpy(picture)[None]
        inputs = {"pixel_values": pixels.to(self.device)}
        if self.model.family == "prompt_depth_anything":
            inputs["prompt_depth"] = self._prompt(prompt)
        output = self.module(**inputs)
        values = output.predicted_depth[0].float().cpu().numpy()
        view_degrees = getattr(output, "field_of_view", None)
        if view_degrees is not None:
            view_degrees = float(view_degrees.reshape(-1)[0])
        return values, view_degrees

    def _prompt(self, prompt: np.ndarray | None) -> torch.Tensor:
        """Resample a coarse depth to the size the model knows, (1, 1, h, w), never quite flat."""
        if prompt is None:
            raise DepthError(f"{self.model.title} needs a coarse depth to start from.")
        height, width = prompt.shape
        size = (_PROMPT_SHORT_SIDE, _PROMPT_LONG_SIDE)
        if height > width:
            size = (_PROMPT_LONG_SIDE, _PROMPT_SHORT_SIDE)
        coarse = resample(prompt[..., None], size, "bilinear", averaging=True)
        coarse = coarse[..., 0]

        if np.ptp(coarse) < _FLATTEST * coarse.max():
            slope = np.linspace(1, 1 + _FLATTEST, len(coarse), dtype=np.float32)
            coarse = coarse * slope[:, None]
        return torch.from_numpy(coarse)[None, None].to(self.device)

    def _lens(
        self,
        focal: float | None,
        view_degrees: float | None,
        width: int,
    ) -> tuple[float, float | None]:
        """Return the factor of Depth Pro's canonical inverse depth, and the focal length it tells.

        Args:
            focal: pixels, where it is known.
            view_degrees: the horizontal view that the network tells, if it does.
            width: of the picture, pixels.
        """
        told_focal = None
        if view_degrees is not None and _NARROWEST_VIEW < view_degrees < _WIDEST_VIEW:
            half_view = 0.5 * np.radians(view_degrees)
            told_focal = 0.5 * width / float(np.tan(half_view))
        used = focal or told_focal
        if used is None:
            raise DepthError(
                f"{self.model.title} could not tell the focal length of this photo. "
                "Give it, or use another model."
            )
        return width / used, told_focal


def best_device() -> str:
    """Return the fastest device that torch has here: cuda, mps or cpu."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def load(
    model: LocalModel,
    progress: Progress | None = None,
    device: str | None = None,
) -> TorchModel:
    """Open a model's weights, or hand out those that were opened last.

    Args:
        model: found and checked by `engine.models`.
        progress: asked whether to stop, before and after; opening itself cannot be interrupted.
        device: of torch; the fastest where None.

    Raises:
        DepthError: the weights do not fit the model's description, or memory does not hold them.
    """
    progress = progress or Progress()
    device = device or best_device()
    progress.check()
    # Files that were written anew are opened anew.
    key = (str(model.folder.absolute()), _stamp(model), device)
    with _lock:
        if key not in _kept:
            _kept.clear()
            _kept[key] = _open(model, device)
        progress.check()
        return TorchModel(model, _kept[key], device)


def forget() -> None:
    """Give back the memory of the model that is kept."""
    with _lock:
        _kept.clear()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _stamp(model: LocalModel) -> int:
    """Return the time at which the newest of a model's files was written, nanoseconds."""
    files = model.folder.glob("*.*")
    return max(file.stat().st_mtime_ns for file in files)


def _open(model: LocalModel, device: str) -> torch.nn.Module:
    """Open a network with every weight from the folder.

    Missing weights would be filled with random numbers, so a model without them is refused.
    """
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        kind = getattr(transformers, _CLASSES[model.family])
        with _memory_guarded(model):
            module, report = kind.from_pretrained(
                model.folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
            module = module.to(device).eval()
    except _LOADING_ERRORS as error:
        _log.info("%s did not load", model.folder, exc_info=True)
        raise DepthError(
            f"The weights in “{model.folder}” do not fit its config.json. Download the model again."
        ) from error
    absent = len(report.get("missing_keys", ()))
    absent += len(report.get("mismatched_keys", ()))
    if absent:
        raise DepthError(
            f"The model in “{model.folder}” is incomplete: {absent} of its weights are missing. "
            "Download the model again."
        )
    return module


@contextmanager
def _memory_guarded(model: LocalModel) -> Iterator[None]:
    """Turn the many errors that a full memory raises into one sentence."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _no_memory(model) from error
    except RuntimeError as error:
        message = str(error).lower()
        if any(words in message for words in _NO_MEMORY):
            raise _no_memory(model) from error
        raise


def _no_memory(model: LocalModel) -> DepthError:
    return DepthError(
        f"There is not enough memory for {model.title}. "
        "Close other programs, use a smaller model, or the built-in depth."
    )


@contextmanager
def _cancellable(module: Any, progress: Progress) -> Iterator[None]:
    """Ask before every layer whether to stop."""

    def check(*_: object) -> None:
        progress.check()

    # A module need not be one of torch's: then there are no layers to ask before.
    modules: Callable[[], Any] | None = getattr(module, "modules", None)
    layers = modules() if modules else ()
    hooks = [layer.register_forward_pre_hook(check) for layer in layers]
    try:
        progress.check()
        yield
    finally:
        for hook in hooks:
            hook.remove()
