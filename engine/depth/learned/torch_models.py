"""Depth networks run by torch and transformers: opened from a folder, never from the net; cancellable between two layers.

LocalModel ─► load (kept warm) ─► Network.predict(colours) ─► Prediction: planar depth, and the focal length where it is told
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
from .preparing import PREPARATIONS, Preparation, prepare, resample, restore

_log = logging.getLogger(__name__)

_CLASSES = {
    "depth_anything": "DepthAnythingForDepthEstimation",
    "prompt_depth_anything": "PromptDepthAnythingForDepthEstimation",
    "zoedepth": "ZoeDepthForDepthEstimation",
    "depth_pro": "DepthProForDepthEstimation",
}
_PROMPT_HEIGHT, _PROMPT_WIDTH = (
    192,
    256,
)  # what the prompted models were trained with: a telephone's lidar
_FLATTEST = 1e-3  # of the largest prompt: the network divides by its range
_FOV_DEGREES = (
    2.0,
    170.0,
)  # what a lens may have; a network that says otherwise has not understood the picture
_NEAREST, _FARTHEST = 0.01, 1e4  # metres; Depth Pro's own farthest
_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
)  # what torch calls it where it has no class for it
_LOADING = (
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

_kept: dict[
    tuple[str, int, str], torch.nn.Module
] = {}  # the last one only: the next photo need not wait, memory holds one
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of a picture."""

    depth: np.ndarray  # (H, W) float32, planar metres, finite and positive
    focal: float | None  # pixels of the picture, where the network told it


class Network:
    """One loaded model."""

    def __init__(self, model: LocalModel, module: Any, device: str) -> None:
        """Take what `load` has opened; `module` is called as the transformers class of its family is."""
        self.model, self.module, self.device = model, module, device
        self.how: Preparation = PREPARATIONS[model.family].with_file(model.processor)

    def predict(
        self,
        colours: np.ndarray,
        focal: float | None,
        prompt: np.ndarray | None,
        progress: Progress,
    ) -> Prediction:
        """Depth of a picture.

        Args:
            colours: (H, W, 3) float32, sRGB-encoded.
            focal: pixels of this picture where it is known; Depth Pro's metres rest on it, the others do not ask.
            prompt: (h, w) metres, a coarse depth of the same picture, for the prompted models; or None.
            progress: asked before every layer whether to stop.

        Raises:
            DepthError: no memory, or what came out is no depth.
            Cancelled: by the user.
        """
        try:
            with _guarded(self.model), _cancellable(self.module, progress), torch.inference_mode():
                values, told = self._run(prepare(colours, self.how), prompt)
        except (
            RuntimeError,
            ValueError,
        ) as error:  # a picture's size that its own preprocessor_config.json gets wrong
            raise DepthError(
                f"{self.model.title} does not fit its own description ({error}). Download it again."
            ) from error
        if not np.isfinite(values).all():
            raise DepthError(
                f"{self.model.title} gave values that are no depth. Use another model, or builtin."
            )
        size = colours.shape[:2]
        if self.model.family == "depth_pro":
            scale, found = self._lens(focal, told, size[1])
            inverse = restore(values, self.how, *size) * np.float32(scale)
        else:  # resampled as inverse depth, which is linear in the picture on any plane: so planes stay planes
            inverse, found = (
                restore(1 / np.clip(values, _NEAREST, _FARTHEST), self.how, *size),
                None,
            )
        return Prediction(
            (1 / np.clip(inverse, 1 / _FARTHEST, 1 / _NEAREST)).astype(np.float32), found
        )

    def _run(
        self, picture: np.ndarray, prompt: np.ndarray | None
    ) -> tuple[np.ndarray, float | None]:
        """The network's own map (h, w), and the degrees of view it tells, if it does."""
        inputs = {"pixel_values": torch.from_numpy(picture)[None].to(self.device)}
        if self.model.family == "prompt_depth_anything":
            inputs["prompt_depth"] = self._prompt(prompt)
        output = self.module(**inputs)
        told = getattr(output, "field_of_view", None)
        return output.predicted_depth[0].float().cpu().numpy(), None if told is None else float(
            told.reshape(-1)[0]
        )

    def _prompt(self, prompt: np.ndarray | None) -> torch.Tensor:
        """The coarse depth at the size the model knows, (1, 1, h, w), never quite flat."""
        if prompt is None:
            raise DepthError(f"{self.model.title} needs a coarse depth to start from.")
        size = (
            (_PROMPT_HEIGHT, _PROMPT_WIDTH)
            if prompt.shape[1] >= prompt.shape[0]
            else (_PROMPT_WIDTH, _PROMPT_HEIGHT)
        )
        coarse = resample(prompt[..., None], size, "bilinear", averaging=True)[..., 0]
        if np.ptp(coarse) < _FLATTEST * coarse.max():
            coarse = coarse * np.linspace(1, 1 + _FLATTEST, size[0], dtype=np.float32)[:, None]
        return torch.from_numpy(coarse)[None, None].to(self.device)

    def _lens(
        self, focal: float | None, told: float | None, width: int
    ) -> tuple[float, float | None]:
        """The width over the focal length, the factor of Depth Pro's canonical inverse depth; the focal length it tells."""
        found = None
        if told is not None and _FOV_DEGREES[0] < told < _FOV_DEGREES[1]:
            found = 0.5 * width / float(np.tan(0.5 * np.radians(told)))
        used = focal or found
        if used is None:
            raise DepthError(
                f"{self.model.title} could not tell the focal length of this photo. Give it, or use another model."
            )
        return width / used, found


def best_device() -> str:
    """The fastest device that torch has here: cuda, mps or cpu."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def load(model: LocalModel, progress: Progress | None = None, device: str | None = None) -> Network:
    """Open a model's weights, or hand out the one that was opened last.

    Args:
        model: found and checked by `engine.models`.
        progress: asked whether to stop, before and after; opening itself cannot be interrupted.
        device: of torch; the fastest where None.

    Raises:
        DepthError: the weights do not fit the model's description, or memory does not hold them.
    """
    progress, device = progress or Progress(), device or best_device()
    progress.check()
    key = (str(model.folder.absolute()), _stamp(model), device)
    with _lock:
        if key not in _kept:
            _kept.clear()
            _kept[key] = _open(model, device)
        progress.check()
        return Network(model, _kept[key], device)


def forget() -> None:
    """Give back the memory of the model that is kept."""
    with _lock:
        _kept.clear()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _stamp(model: LocalModel) -> int:
    return max(path.stat().st_mtime_ns for path in model.folder.glob("*.*"))


def _open(model: LocalModel, device: str) -> torch.nn.Module:
    """The network with every weight from the folder: one that is missing would be filled with chance, and is refused."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        kind = getattr(transformers, _CLASSES[model.family])
        with _guarded(model):
            module, found = kind.from_pretrained(
                model.folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
            module = module.to(device).eval()
    except _LOADING as error:
        _log.info("%s did not load", model.folder, exc_info=True)
        raise DepthError(
            f"The weights in “{model.folder}” do not fit its config.json. Download the model again."
        ) from error
    absent = [*found.get("missing_keys", ()), *found.get("mismatched_keys", ())]
    if absent:
        raise DepthError(
            f"The model in “{model.folder}” is incomplete: {len(absent)} of its weights are missing. Download the model again."
        )
    return module


@contextmanager
def _guarded(model: LocalModel) -> Iterator[None]:
    """Turn the many ways in which memory runs out into one sentence."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _no_memory(model) from error
    except RuntimeError as error:
        if any(words in str(error).lower() for words in _NO_MEMORY):
            raise _no_memory(model) from error
        raise


def _no_memory(model: LocalModel) -> DepthError:
    return DepthError(
        f"There is not enough memory for {model.title}. Close other programs, use a smaller model, or the built-in depth."
    )


@contextmanager
def _cancellable(module: Any, progress: Progress) -> Iterator[None]:
    """Ask before every layer whether to stop."""
    hooks = []

    def check(*_: object) -> None:
        progress.check()

    modules: Callable[[], Any] | None = getattr(module, "modules", None)
    for layer in modules() if modules else ():
        hooks.append(layer.register_forward_pre_hook(check))
    try:
        progress.check()
        yield
    finally:
        for hook in hooks:
            hook.remove()
