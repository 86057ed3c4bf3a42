"""The folders of models on this machine.

A folder is judged from its files alone, without torch.
"""

import json
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DepthError
from .registry import MODELS, Family, ModelCard, card

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
CONFIG = "config.json"
PROCESSOR = "preprocessor_config.json"
# A pickle: opening one runs the program in it.
_OLD_WEIGHTS = "pytorch_model.bin"
# Bytes, the limit of the safetensors format.
_MOST_HEADER = 100_000_000
# Bytes of the number in front of a safetensors header.
_LENGTH_BYTES = 8
# Bytes; a configuration has thousands.
_MOST_JSON = 10_000_000
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
        """Its name in sentences."""
        return self.card.title if self.card else f"“{self.folder.name}”"


def models_folder() -> Path:
    """Return the folder of models: $ANCHORSTAGE_MODELS, or in the user's data of the system."""
    named = os.environ.get("ANCHORSTAGE_MODELS")
    if named:
        return Path(named)
    if os.name == "nt":
        local = _folder_named("LOCALAPPDATA", Path.home() / "AppData" / "Local")
        return local / "AnchorStage" / "models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "AnchorStage" / "models"
    data = _folder_named("XDG_DATA_HOME", Path.home() / ".local" / "share")
    return data / "anchorstage" / "models"


def _folder_named(variable: str, default: Path) -> Path:
    """Return the folder that a variable of the environment names, else the default."""
    return Path(os.environ.get(variable) or default)


def _candidates(wanted: ModelCard) -> list[Path]:
    """List the folders that may hold a model: ours, and those of other programs' libraries."""
    ours = models_folder() / wanted.name
    home_cache = Path.home() / ".cache"
    if not wanted.on_hub:
        torch_home = _folder_named("TORCH_HOME", home_cache / "torch")
        return [ours, torch_home / "hub" / "checkpoints"]
    hub_home = _folder_named("HF_HOME", home_cache / "huggingface")
    hub_cache = _folder_named("HF_HUB_CACHE", hub_home / "hub")
    repository = f"models--{wanted.hub_id.replace('/', '--')}"
    snapshots = hub_cache / repository / "snapshots"
    theirs = sorted(snapshots.iterdir()) if snapshots.is_dir() else []
    return [ours, *theirs]


def installed(wanted: ModelCard) -> Path | None:
    """Return the folder with a model's files; None where it is not on this machine.

    Only `inspect` tells whether the files are whole.
    """
    for folder in _candidates(wanted):
        if (folder / wanted.files[0]).is_file():
            return folder
    return None


def find(name: str | None, folder: str | Path | None = None) -> LocalModel:
    """Find a model by its name, or in a folder.

    With both the folder must hold a model of that name's kind.

    Raises:
        DepthError: unknown, not on this machine, incomplete, damaged, or of another kind.
    """
    wanted = card(name) if name else None
    if folder is not None:
        return inspect(Path(folder), wanted)
    if wanted is None:
        raise DepthError("Name a depth model, or give the folder of one.")
    place = installed(wanted)
    if place is None:
        raise DepthError(
            f"{wanted.title} is not on this machine. "
            f"Download it ({wanted.megabytes} MB, licence {wanted.licence}) with "
            f"`anchorstage models --download {wanted.name} --yes`, "
            "or give the folder that holds it."
        )
    return inspect(place, wanted)


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
    family = _family(folder, config, wanted)
    for weights in _weights(folder):
        _check_weights(weights)
    processor = _json(folder / PROCESSOR) if (folder / PROCESSOR).is_file() else {}
    return LocalModel(folder, family, wanted, config, processor)


def _family(folder: Path, config: dict[str, Any], wanted: ModelCard | None) -> Family:
    """Read the model's kind; refuse one that is unknown, of another card, or without metres."""
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
    is_relative = config.get("depth_estimation_type", "relative") != "metric"
    if family == "depth_anything" and is_relative:
        raise DepthError(
            f"The model in “{folder}” tells near from far but knows no metres. {_choice()}"
        )
    return family


def _choice() -> str:
    titles = {card.title.split(",")[0] for card in MODELS.values()}
    return f"Choose a folder with one of: {', '.join(sorted(titles))}."


def _json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file."""
    damaged = f"“{path}” is damaged. Download the model again, or choose another folder."
    try:
        if path.stat().st_size > _MOST_JSON:
            raise DepthError(damaged)
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DepthError(damaged) from error
    if not isinstance(record, dict):
        raise DepthError(damaged)
    return record


def _weights(folder: Path) -> list[Path]:
    """List the files of weights that a folder says it has."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        return _indexed_weights(folder)
    if (folder / _OLD_WEIGHTS).is_file():
        raise DepthError(
            f"The weights in “{folder}” are {_OLD_WEIGHTS}, a format that can run programs "
            "and is not opened here. "
            f"Get the model with {WEIGHTS}."
        )
    raise DepthError(
        f"The model in “{folder}” is incomplete: {WEIGHTS} is missing. Download it again."
    )


def _indexed_weights(folder: Path) -> list[Path]:
    """List the files of weights that the index names; they lie beside it."""
    parts = _json(folder / INDEX).get("weight_map")
    names = list(parts.values()) if isinstance(parts, dict) else []
    if not names or not all(_is_file_name(name) for name in names):
        raise DepthError(
            f"“{folder / INDEX}” is damaged. Download the model again, or choose another folder."
        )
    return [folder / name for name in sorted(set(names))]


def _is_file_name(name: Any) -> bool:
    return isinstance(name, str) and Path(name).name == name


def _check_weights(path: Path) -> None:
    """Refuse a safetensors file that is not whole: its header says where its last byte lies."""
    if not path.is_file():
        raise DepthError(
            f"The model in “{path.parent}” is incomplete: {path.name} is missing. "
            "Download it again."
        )
    try:
        size = path.stat().st_size
        expected = _expected_size(path, size)
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
    if expected != size:
        raise DepthError(
            f"“{path}” is cut short or damaged ({size} bytes). Download the model again."
        )


def _expected_size(path: Path, size: int) -> int | None:
    """Read from its header how long a safetensors file must be; None where it holds nothing.

    The file is the length of the header, the header in JSON, and the tensors; the header tells
    where each begins and ends among them.
    """
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(_LENGTH_BYTES))
        if length > min(_MOST_HEADER, size):
            raise ValueError(length)
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    ends = [entry["data_offsets"][1] for entry in header.values()]
    return _LENGTH_BYTES + length + max(ends) if ends else None
