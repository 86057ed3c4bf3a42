"""A shot on disk: `shot.####.exr`, `metadata.json` and `region_masks/<id>.####.png`."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..camera import Camera, View
from ..errors import OutputError
from ..exr import write_exr
from ..regions import Region
from ..render.record import ProxyRender
from ..scene import Scene
from ..store import atomic_path, write_json, writing
from ..tables.passes import REGION_PREFIX, region_channels, region_layers
from ..version import version
from .contract import contract_names, frame_channels
from .exr_header import frame_rate, header
from .metadata import frame_facts, scene_facts

STEM = "shot"
SCHEMA = 1

_UNITS = {
    "length": "metre",
    "focal_length": "millimetre",
    "sensor_width": "millimetre",
    "world": "right-handed, Z up",
    "camera": "x right, y down, z forward; rotation is a quaternion w x y z, world from camera",
    "depth": "planar z, 1e10 where there is nothing",
    "colour": "scene-linear Rec.709, premultiplied",
    "plane": "a b c d of a x + b y + c z + d = 0 in the world, or null",
}

Picture = tuple[Camera, View, ProxyRender]


def write_sequence(
    scene: Scene,
    pictures: Iterable[Picture],
    folder: Path,
    fps: float | Fraction = 24,
    first: int = 1,
    overwrite: bool = False,
) -> list[Path]:
    """Write every frame as it comes, then `metadata.json`.

    A generator renders while this writes. Each file is written whole or not at all; where it stops
    early, the frames before stay.

    Args:
        scene: what the pictures show.
        pictures: camera, view and render of each frame.
        folder: made where it is missing.
        fps: frames a second.
        first: number of the first frame.
        overwrite: replace a shot of the same name.

    Returns:
        The EXR files, in order.

    Raises:
        OutputError: the folder holds such a shot already, or cannot be written to.
    """
    folder = Path(folder)
    rate = frame_rate(fps)
    _check_free(folder, overwrite)
    records = []
    for number, (camera, view, render) in enumerate(pictures, first):
        records.append(_write_frame(folder, scene, number, rate, camera, view, render))
    write_json(folder / "metadata.json", _sequence_record(scene, rate, records))
    return [folder / record["file"] for record in records]


def _check_free(folder: Path, overwrite: bool) -> None:
    """Raise OutputError where the folder is no place for a shot."""
    with writing(folder):
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"“{folder}” is a file, not a folder. Choose another output folder.")
        if not overwrite and any(folder.glob(f"{STEM}.*.exr")):
            raise OutputError(
                f"“{folder}” holds frames named “{STEM}” already. "
                "Choose another folder, or ask to overwrite it."
            )


def _write_frame(
    folder: Path,
    scene: Scene,
    number: int,
    rate: Fraction,
    camera: Camera,
    view: View,
    render: ProxyRender,
) -> dict[str, Any]:
    """Write the EXR and the masks of one frame; return its record in `metadata.json`."""
    region_ids = [region.id for region in scene.regions]
    suffix = f"{number:04d}"
    exr_name = f"{STEM}.{suffix}.exr"
    channels = frame_channels(render, region_ids)
    facts = frame_facts(scene, view, channels)
    attributes = header(view, camera, number, rate, scene_facts(scene) | facts)
    write_exr(folder / exr_name, channels, attributes)

    masks = {}
    layer_names = region_layers(region_ids)
    for index, (region_id, layer) in enumerate(zip(region_ids, layer_names, strict=True)):
        name = layer.removeprefix(REGION_PREFIX)
        masks[region_id] = f"region_masks/{name}.{suffix}.png"
        _write_mask(folder / masks[region_id], render.region == index)
    return {
        "frame": number,
        "file": exr_name,
        "camera": camera.to_json(),
        "width": view.width,
        "height": view.height,
        **facts,
        "region_masks": masks,
    }


def _write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a bool mask (H, W) as an 8-bit PNG of 0 and 255."""
    _, data = cv2.imencode(".png", mask.astype(np.uint8) * 255)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _sequence_record(scene: Scene, rate: Fraction, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the contents of `metadata.json`."""
    region_ids = [region.id for region in scene.regions]
    masks = region_channels(region_ids)
    regions = [
        _region_record(region, channel)
        for region, channel in zip(scene.regions, masks, strict=True)
    ]
    return {
        "schema": SCHEMA,
        "generator": f"AnchorStage {version()}",
        "scene": scene.name,
        "units": _UNITS,
        "frames_per_second": [rate.numerator, rate.denominator],
        "photo_camera": scene_facts(scene)["photo_camera"],
        "channels": contract_names(region_ids),
        "regions": regions,
        "frames": records,
    }


def _region_record(region: Region, channel: str) -> dict[str, Any]:
    plane = None if region.plane is None else [float(x) for x in region.plane]
    return {
        "id": region.id,
        "label": region.label,
        "channel": channel,
        "plane": plane,
        "locked": bool(region.locked),
    }
