"""The maps of the photo's view: EXR files that any program opens, and masks of sky and ground."""

from pathlib import Path

import numpy as np

from ...errors import ExportError, SceneError
from ...exr import read_exr, write_exr
from ..record import Maps, Scene
from .masks import read_mask, write_mask

FOLDER = "maps"
# The channels of each file, in the order that `_planes` gives them.
_CHANNELS = {
    "depth": ("Z", "uncertainty"),
    "normal": ("normal.X", "normal.Y", "normal.Z"),
    "confidence": ("Y",),
}
_MASKS = ("sky", "ground")


def entries(_scene: Scene) -> set[str]:
    """The names in the scene's folder that this part writes."""
    return {FOLDER}


def write(folder: Path, scene: Scene) -> None:
    """Write the maps, where the scene has them."""
    if scene.maps is not None:
        write_maps(folder / FOLDER, scene.maps)


def to_json(scene: Scene) -> str | None:
    """Return what `scene.json` says of the maps: the name of their folder."""
    return None if scene.maps is None else FOLDER


def masks_to_json(scene: Scene) -> list[str]:
    """Return what `scene.json` says of the masks: the names of those that are known."""
    if scene.maps is None:
        return []
    return [name for name in _MASKS if getattr(scene.maps, name) is not None]


def write_maps(folder: Path, maps: Maps) -> None:
    """Write depth.exr (`Z` and `uncertainty`, metres), normal.exr, confidence.exr and the masks.

    The EXR files are 32-bit float, ZIP; the masks are PNG files of 0 and 255.
    """
    for name, planes in _planes(maps).items():
        channels = [np.asarray(plane, np.float32) for plane in planes]
        write_exr(folder / f"{name}.exr", dict(zip(_CHANNELS[name], channels, strict=True)), {})
    for name in _MASKS:
        mask = getattr(maps, name)
        if mask is not None:
            write_mask(folder / f"{name}.png", mask)


def _planes(maps: Maps) -> dict[str, list[np.ndarray]]:
    """Each file's planes (H, W), in the order of `_CHANNELS`."""
    return {
        "depth": [maps.depth, maps.uncertainty],
        "normal": list(np.moveaxis(maps.normal, -1, 0)),
        "confidence": [maps.confidence],
    }


def read_maps(folder: Path, masks: tuple[str, ...] = ()) -> Maps:
    """Read what `write_maps` wrote.

    Args:
        folder: of the maps.
        masks: the names of the masks that `scene.json` lists; other names are left alone.

    Raises:
        SceneError: a file is missing, damaged, of another size than the rest, or holds what is no
            depth.
    """
    planes = {name: _read(folder / f"{name}.exr", names) for name, names in _CHANNELS.items()}
    depth, uncertainty = planes["depth"]
    [confidence] = planes["confidence"]
    normal = planes["normal"]
    if not depth.shape == normal[0].shape == confidence.shape:
        raise SceneError(
            f"The maps in “{folder}” differ in size. Restore them, or reconstruct again."
        )
    finite = (uncertainty, *normal, confidence)
    if not (depth > 0).all() or not all(np.isfinite(plane).all() for plane in finite):
        raise SceneError(
            f"The maps in “{folder}” hold values that make no sense. "
            "Restore them, or reconstruct again."
        )
    listed = {
        name: read_mask(folder / f"{name}.png", depth.shape, f"{name} mask")
        for name in _MASKS
        if name in masks
    }
    return Maps(depth, uncertainty, np.stack(normal, axis=-1), confidence, **listed)


def _read(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    if not path.is_file():
        raise SceneError(f"The map “{path}” is missing. Restore it, or reconstruct again.")
    try:
        channels, _ = read_exr(path)
        return [np.array(channels[name], np.float32) for name in names]
    except (ExportError, KeyError) as error:
        raise SceneError(
            f"The map “{path}” is damaged. Restore it, or reconstruct again."
        ) from error
