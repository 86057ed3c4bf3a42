"""The maps of a scene as EXR files that any program opens: depth, normal, confidence."""

from pathlib import Path

import numpy as np

from ..errors import ExportError, SceneError
from ..exr import read_exr, write_exr
from .record import Maps

_FILES = {
    "depth": {"Z": "depth", "uncertainty": "uncertainty"},
    "normal": {"normal.X": "normal", "normal.Y": "normal", "normal.Z": "normal"},
    "confidence": {"Y": "confidence"},
}


def write_maps(folder: Path, maps: Maps) -> None:
    """Write depth.exr (`Z` and `uncertainty`, metres), normal.exr and confidence.exr, 32-bit float, ZIP."""
    _write(folder / "depth.exr", {"Z": maps.depth, "uncertainty": maps.uncertainty})
    _write(folder / "normal.exr", {f"normal.{axis}": maps.normal[..., i] for i, axis in enumerate("XYZ")})
    _write(folder / "confidence.exr", {"Y": maps.confidence})


def _write(path: Path, channels: dict[str, np.ndarray]) -> None:
    write_exr(path, {name: np.asarray(array, np.float32) for name, array in channels.items()}, {})


def read_maps(folder: Path) -> Maps:
    """Read what `write_maps` wrote.

    Raises:
        SceneError: a file is missing, damaged, of another size than the rest, or holds what is no depth.
    """
    depth, normal, confidence = (_read(folder / f"{name}.exr", list(channels)) for name, channels in _FILES.items())
    if not depth[0].shape == normal[0].shape == confidence[0].shape:
        raise SceneError(f"The maps in “{folder}” differ in size. Restore them, or reconstruct again.")
    finite = (depth[1], *normal, confidence[0])
    if not (depth[0] > 0).all() or not all(np.isfinite(plane).all() for plane in finite):
        raise SceneError(f"The maps in “{folder}” hold values that make no sense. Restore them, or reconstruct again.")
    return Maps(depth[0], depth[1], np.stack(normal, axis=-1), confidence[0])


def _read(path: Path, names: list[str]) -> list[np.ndarray]:
    if not path.is_file():
        raise SceneError(f"The map “{path}” is missing. Restore it, or reconstruct again.")
    try:
        channels, _ = read_exr(path)
        return [np.array(channels[name], np.float32) for name in names]
    except (ExportError, KeyError) as error:
        raise SceneError(f"The map “{path}” is damaged. Restore it, or reconstruct again.") from error
