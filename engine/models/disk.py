"""The models on this machine: their folders, judged from the files alone, without torch."""

import json
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DepthError
from .registry import MODELS, SHARP, Family, ModelCard, card

WEIGHTS, INDEX, CONFIG, PROCESSOR = (
    "model.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "preprocessor_config.json",
)
_OLD_WEIGHTS = "pytorch_model.bin"  # a pickle: opening one runs what it says
_MOST_HEADER = 100_000_000  # bytes, the limit of the safetensors format
_MOST_JSON = 10_000_000  # bytes; a configuration has thousands
_FAMILIES = {card.family for card in MODELS.values()}


@dataclass(frozen=True, eq=False)
class LocalModel:
    """A model whose files are on this machine and whole."""

    folder: Path
    family: Family
    card: ModelCard | None  # None: a folder that belongs to no known name
    config: dict[str, Any]  # config.json
    processor: dict[str, Any]  # preprocessor_config.json, empty where there is none

    @property
    def title(self) -> str:
        """The name that people call it by."""
        return self.card.title if self.card else f"“{self.folder.name}”"


def models_folder() -> Path:
    """Return the folder of models: $ANCHORSTAGE_MODELS, or the user's data folder of the system."""
    named = os.environ.get("ANCHORSTAGE_MODELS")
    if named:
        return Path(named)
    if os.name == "nt":
        return (
            Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
            / "AnchorStage"
            / "models"
        )
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "AnchorStage" / "models"
    return (
        Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
        / "anchorstage"
        / "models"
    )


def _candidates(wanted: ModelCard) -> list[Path]:
    """List folders that may hold a model: ours, and those of other programs' libraries."""
    if wanted is SHARP:
        torch_home = Path(os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch")
        return [models_folder() / wanted.name, torch_home / "hub" / "checkpoints"]
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = cache / f"models--{wanted.hub_id.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.iterdir()) if snapshots.is_dir() else []
    return [models_folder() / wanted.name, *found]


def installed(wanted: ModelCard) -> Path | None:
    """Return the folder with the model's files; None where it is not on this machine.

    `inspect` says whether they are whole.
    """
    return next(
        (folder for folder in _candidates(wanted) if (folder / wanted.files[0]).is_file()), None
    )


def find(name: str | None, folder: str | Path | None = None) -> LocalModel:
    """Find a model by its name, from a folder, or both.

    Then the folder must hold a model of that name's kind.

    Raises:
        DepthError: unknown, not on this machine, incomplete, damaged, or of another kind.
    """
    wanted = card(name) if name else None
    if folder is not None:
        return inspect(Path(folder), wanted)
    if wanted is None:
        raise DepthError("Name a depth model, or give the folder of one.")
    here = installed(wanted)
    if here is None:
        raise DepthError(
            f"{wanted.title} is not on this machine. "
            f"Download it ({wanted.megabytes} MB, licence {wanted.licence}) with "
            f"`anchorstage models --download {wanted.name} --yes`, "
            "or give the folder that holds it."
        )
    return inspect(here, wanted)


def inspect(folder: Path, wanted: ModelCard | None = None) -> LocalModel:
    """Judge a folder from its files.

    Args:
        folder: with config.json and safetensors, as `save_pretrained` and the authors' pages lay
            them out.
        wanted: the model it should hold; None where any of a known kind will do.

    Raises:
        DepthError: one sentence on what is missing, damaged or of another kind.
    """
    if not folder.is_dir():
        raise DepthError(
            f"There is no folder “{folder}”; choose the folder that holds the model's config.json."
        )
    if not (folder / CONFIG).is_file():
        raise DepthError(
            f"“{folder}” holds no model: config.json is missing. Choose the folder that holds it."
        )
    config = _json(folder / CONFIG)
    family = config.get("model_type")
    if not isinstance(family, str) or family not in _FAMILIES:
        raise DepthError(
            f"“{folder}” holds a model of the kind “{family}”, which gives no depth here. "
            f"{_choice()}"
        )
    if wanted is not None and family != wanted.family:
        raise DepthError(
            f"“{folder}” holds a model of the kind “{family}”, not {wanted.title}. "
            "Choose another folder."
        )
    if family == "depth_anything" and config.get("depth_estimation_type", "relative") != "metric":
        raise DepthError(
            f"The model in “{folder}” tells near from far but knows no metres. {_choice()}"
        )
    for weights in _weights(folder):
        _check_weights(weights)
    processor = _json(folder / PROCESSOR) if (folder / PROCESSOR).is_file() else {}
    return LocalModel(folder, family, wanted, config, processor)


def _choice() -> str:
    titles = {card.title.split(",")[0] for card in MODELS.values()}
    return f"Choose a folder with one of: {', '.join(sorted(titles))}."


def _json(path: Path) -> dict[str, Any]:
    """A JSON object from a file."""
    try:
        if path.stat().st_size > _MOST_JSON:
            raise ValueError
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DepthError(
            f"“{path}” is damaged. Download the model again, or choose another folder."
        ) from error
    if not isinstance(record, dict):
        raise DepthError(
            f"“{path}” is damaged. Download the model again, or choose another folder."
        )
    return record


def _weights(folder: Path) -> list[Path]:
    """The files of weights that a folder says it has."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        parts = _json(folder / INDEX).get("weight_map")
        names = list(parts.values()) if isinstance(parts, dict) else []
        if names and all(isinstance(name, str) and Path(name).name == name for name in names):
            return [folder / name for name in sorted(set(names))]
        raise DepthError(
            f"“{folder / INDEX}” is damaged. Download the model again, or choose another folder."
        )
    if (folder / _OLD_WEIGHTS).is_file():
        raise DepthError(
            f"The weights in “{folder}” are {_OLD_WEIGHTS}, "
            "a format that can run programs and is not opened here. "
            f"Get the model with {WEIGHTS}."
        )
    raise DepthError(
        f"The model in “{folder}” is incomplete: {WEIGHTS} is missing. Download it again."
    )


def _check_weights(path: Path) -> None:
    """Refuse a safetensors file that is not whole: its header says where its last byte lies."""
    if not path.is_file():
        raise DepthError(
            f"The model in “{path.parent}” is incomplete: {path.name} is missing. "
            "Download it again."
        )
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_MOST_HEADER, size):
                raise ValueError(length)
            header = json.loads(file.read(length))
        ends = [
            entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"
        ]
        whole = bool(ends) and 8 + length + max(ends) == size
    except (
        OSError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        struct.error,
        RecursionError,
    ) as error:
        raise DepthError(f"“{path}” is damaged. Download the model again.") from error
    if not whole:
        raise DepthError(
            f"“{path}” is cut short or damaged ({size} bytes). Download the model again."
        )
