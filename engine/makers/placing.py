"""A scene of Gaussians that another program made: they get a world, regions and maps of ours.

Gaussians in the camera's frame ─► rendered at the photo's view ─► depth placed in our world
─► regions ─► the Gaussians moved there ─► Scene
"""

from dataclasses import dataclass, replace

import numpy as np

from ..camera import FULL_FRAME_WIDTH_MM, Camera, View
from ..depth import DepthEstimate
from ..depth.placing import Known, Origin, place
from ..errors import SplatError
from ..image import Photo
from ..progress import Progress
from ..regions import Region
from ..regions.finding import find_regions, label_map
from ..render import VOID_ALPHA, RenderOptions
from ..render.levels.build import build_levels
from ..render.rasteriser import render
from ..scene import PHOTO_CAMERA, BaseWitness, Maps, Scene
from ..splats import PHOTOGRAPHED, Splats
from ..splats.moving import moved
from ..stopwatch import Stopwatch

_MOST_PIXELS = 1_000_000  # of the grid that maps and regions are made on
_LEAST_SIDE = 16  # pixels of that grid
_NEAREST = 1e-3  # metres, of the placed depth map
_FARTHEST = 1e4  # metres, of the placed depth map


@dataclass(frozen=True, eq=False)
class Source:
    """Gaussians before they have a world."""

    # In the photo's camera frame (x right, y down, z forward, metres), with origin and confidence.
    splats: Splats
    view: View  # the photo's camera, at the origin of that frame
    photo: Photo | None  # that they were made of; without it their own picture stands in
    origin: Origin  # who made them


def scene_from_gaussians(
    source: Source, camera_height: float | None, watch: Stopwatch, progress: Progress
) -> Scene:
    """Make a scene, without a name, that stands on the ground.

    Args:
        source: the Gaussians and where they are from.
        camera_height: metres above the ground, where it is known; it scales the scene.
        watch: notes the seconds of each stage.
        progress: told 0.1..0.85.

    Raises:
        SplatError: the photo's camera sees nothing of the Gaussians.
    """
    photo = source.photo
    with watch.stage("depth"):
        colours, planar = _seen(source, progress.part(0.1, 0.3))
        # The focal length in pixels grows and shrinks with the grid.
        focal = source.view.fx * colours.shape[1] / source.view.width
        focal_from = "from the file" if photo is None else "from the photo"
        known = Known(focal, focal_from, camera_height)
        placed = place(colours, planar, known, source.origin, progress.part(0.3, 0.5))
        estimate = placed.estimate
    with watch.stage("regions"):
        regions = find_regions(estimate, colours, progress.part(0.5, 0.7))
    with watch.stage("splats"):
        world_from_camera = estimate.view.world_from_camera
        splats = moved(source.splats, world_from_camera, placed.factor)
        splats = _labelled(splats, estimate, regions)
    with watch.stage("levels"):
        levels = build_levels(splats, progress.part(0.7, 0.85))
    camera = replace(source.view, world_from_camera=world_from_camera)
    notes = () if photo is None else photo.notes
    return Scene(
        name="",
        photo=None if photo is None else BaseWitness.of(photo),
        splats=splats,
        levels=levels,
        cameras=(Camera.from_view(PHOTO_CAMERA, camera, FULL_FRAME_WIDTH_MM),),
        maps=Maps.of(estimate),
        regions=tuple(regions),
        depth_source=estimate.source,
        warnings=(*notes, *estimate.warnings),
    )


def _seen(source: Source, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Look through the photo's camera: colours (H, W, 3) and planar depth (H, W) in metres.

    Pixels that no Gaussian covers get the farthest depth.
    """
    progress(0.0, "Looking through the photo's camera")
    grid = _grid(source.view)
    drawn = render(source.splats, grid, RenderOptions(color_only=True))
    # A depth map has no holes: what no Gaussian covers counts as the farthest thing.
    covered = (drawn.alpha >= VOID_ALPHA) & np.isfinite(drawn.depth)
    if not covered.any():
        raise SplatError(
            "Nothing of these Gaussians lies before the camera. "
            "They are in another frame than SHARP's."
        )
    depth = np.where(covered, drawn.depth, drawn.depth[covered].max())
    planar = depth.clip(_NEAREST, _FARTHEST).astype(np.float32)
    if source.photo is not None:
        return source.photo.encoded(grid.width, grid.height), planar
    # The renderer's colours are premultiplied by alpha.
    straight = drawn.color / np.maximum(drawn.alpha, VOID_ALPHA)[..., None]
    return np.clip(straight, 0, 1), planar


def _grid(view: View) -> View:
    """The photo's view on a grid of at most `_MOST_PIXELS`."""
    scale = min(1.0, (_MOST_PIXELS / (view.width * view.height)) ** 0.5)
    width = max(_LEAST_SIDE, round(view.width * scale))
    height = max(_LEAST_SIDE, round(view.height * scale))
    return view.resized(width, height)


def _labelled(splats: Splats, estimate: DepthEstimate, regions: list[Region]) -> Splats:
    """Give each photographed Gaussian the region and at most the confidence of its pixel."""
    labels = label_map(regions, estimate.depth.shape)  # [H, W]
    pixels, _ = estimate.view.project(splats.positions)  # [N, 2]
    last = [estimate.view.width - 1, estimate.view.height - 1]
    columns, rows = np.clip(np.nan_to_num(pixels), 0, last).astype(int).T
    photographed = splats.origin == PHOTOGRAPHED
    confidence = np.minimum(splats.confidence, estimate.confidence[rows, columns])
    return splats.with_(
        region=np.where(photographed, labels[rows, columns], -1),
        confidence=np.where(photographed, confidence, splats.confidence),
    )
