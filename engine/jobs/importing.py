"""Import: Gaussians of another program become a scene, with regions, maps and confidence of our own.

PLY ─► camera's frame ─► rendered at the photo's view ─► metrology of that picture ─► gravity, ground ─► regions ─► scene
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import regions
from ..camera import FULL_FRAME_WIDTH_MM, Camera, View
from ..depth import DepthEstimate, builtin, learned
from ..errors import ArgumentError, SplatError
from ..image import Photo
from ..models import SHARP, LocalModel
from ..progress import Progress
from ..render import VOID_ALPHA, RenderOptions, levels, render
from ..scene import PHOTO_CAMERA, Maps, Scene, save
from ..splats import PHOTOGRAPHED, Splats
from ..splats.sharp import moved, read_camera_frame, written_by_sharp
from ..store import absolute, check_folder_name, one_line
from .reconstruct import witness
from .stopwatch import Stopwatch
from .summary import summary

_MOST_PIXELS = 1_000_000  # of the grid that maps and regions are made on
_FARTHEST = 1e4  # metres
CAMERA_HEIGHTS = (0.001, 100_000)  # metres, from a miniature to an aeroplane


@dataclass(frozen=True)
class ImportOptions:
    """What the user asked for."""

    file: str  # a PLY of Gaussians in the photo's camera frame, as SHARP writes it
    output: str  # the scene's folder, NAME.anchorstage
    overwrite: bool = False  # replace an existing scene of that name
    camera_height: float | None = None  # metres above the ground: scales the scene; None: as the file's metres say

    def __post_init__(self) -> None:
        """Refuse values that make no sense, before any work is done."""
        low, high = CAMERA_HEIGHTS
        if self.camera_height is not None and not low <= self.camera_height <= high:
            raise ArgumentError(f"The camera height must be a number from {low} to {high} metres, not {self.camera_height:g}.")


@dataclass(frozen=True, eq=False)
class Source:
    """Gaussians before they have a world."""

    gaussians: Splats  # in the photo's camera frame: x right, y down, z forward, metres; with origin and confidence
    view: View  # the photo's camera, at the origin
    photo: Photo | None  # that they were made of; without it their own picture stands in
    file: Path  # what they came from


def import_splats(options: ImportOptions, progress: Progress) -> dict[str, Any]:
    """PLY to scene.

    Returns:
        The scene's summary, with `seconds` by stage.

    Raises:
        AnchorStageError: one sentence; nothing is written then.
    """
    folder, file, watch = absolute(options.output), absolute(options.file), Stopwatch()
    check_folder_name(folder, options.overwrite)
    with watch.stage("read"):
        progress(0.0, "Reading the splats")
        gaussians, view = read_camera_frame(file)
    scene = staged(Source(gaussians, view, None, file), options.camera_height, watch, progress)
    scene = scene.with_(name=one_line(folder.stem))
    with watch.stage("save"):
        save(scene, folder, options.overwrite, progress.part(0.85, 1.0))
    return summary(scene, folder) | {"seconds": watch.seconds}


def staged(source: "Source", camera_height: float | None, watch: Stopwatch, progress: Progress) -> Scene:
    """Gaussians in the photo's camera frame as a scene, without a name, that stands on the ground.

    Args:
        source: the Gaussians and where they are from.
        camera_height: metres, where it is known.
        watch: notes the seconds.
        progress: told 0.1 to 0.85.
    """
    view, photo = source.view, source.photo
    with watch.stage("depth"):
        colours, planar = _seen(source, progress.part(0.1, 0.3))
        focal = view.fx * colours.shape[1] / view.width
        known = learned.Known(focal, "from the file" if photo is None else "from the photo", camera_height)
        base = builtin.measure(colours, known.focal, known.focal_from, camera_height, progress.part(0.3, 0.5))
        card = SHARP if photo is not None or written_by_sharp(source.file) else None
        estimate = learned.place(base, planar, LocalModel(source.file, "sharp", card, {}, {}), known)
        floor = learned.floor_height(base, planar)
        factor = camera_height / floor if camera_height and floor else 1.0
    with watch.stage("regions"):
        found = regions.find_regions(estimate, colours, progress.part(0.5, 0.7))
    with watch.stage("splats"):
        placed = _labelled(moved(source.gaussians, estimate.view.world_from_camera, factor), estimate, found)
    with watch.stage("levels"):
        levels.attach(placed, levels.build_levels(placed, progress.part(0.7, 0.85)))
    camera = replace(view, world_from_camera=estimate.view.world_from_camera)
    return Scene(
        name="",
        photo=None if photo is None else witness(photo),
        splats=placed,
        cameras=(Camera.from_view(PHOTO_CAMERA, camera, FULL_FRAME_WIDTH_MM),),
        maps=Maps(estimate.depth, estimate.uncertainty, estimate.normal, estimate.confidence),
        regions=tuple(found),
        depth_source=estimate.source,
        warnings=(*(photo.notes if photo else ()), *estimate.warnings),
    )


def _seen(source: "Source", progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """What the photo's camera sees of Gaussians: colours (H, W, 3) and planar depth (H, W), holes filled with the far."""
    progress(0.0, "Looking through the photo's camera")
    gaussians, view, photo = source.gaussians, source.view, source.photo
    scale = min(1.0, (_MOST_PIXELS / (view.width * view.height)) ** 0.5)
    grid = view.resized(max(16, round(view.width * scale)), max(16, round(view.height * scale)))
    drawn = render(gaussians, grid, RenderOptions(color_only=True))
    there = (drawn.alpha >= VOID_ALPHA) & np.isfinite(drawn.depth)
    if not there.any():
        raise SplatError("Nothing of these Gaussians lies before the camera. They are in another frame than SHARP's.")
    planar = np.where(there, drawn.depth, drawn.depth[there].max()).clip(1e-3, _FARTHEST).astype(np.float32)
    if photo is not None:
        return photo.encoded(grid.width, grid.height), planar
    return np.clip(drawn.color / np.maximum(drawn.alpha, VOID_ALPHA)[..., None], 0, 1), planar


def _labelled(gaussians: Splats, estimate: DepthEstimate, found: list[regions.Region]) -> Splats:
    """With the region and confidence of the pixel that each photographed one lies under."""
    labels = regions.label_map(found, estimate.depth.shape)
    pixels, _ = estimate.view.project(gaussians.positions)
    columns, rows = (np.clip(np.nan_to_num(pixels), 0, [estimate.view.width - 1, estimate.view.height - 1])).astype(int).T
    seen = gaussians.origin == PHOTOGRAPHED
    return gaussians.with_(
        region=np.where(seen, labels[rows, columns], -1),
        confidence=np.where(seen, np.minimum(gaussians.confidence, estimate.confidence[rows, columns]), gaussians.confidence),
    )
