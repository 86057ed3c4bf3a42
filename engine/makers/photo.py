"""A scene of one photo: depth, regions, splats, and the splats' colours matched to the photo.

photo ─► depth ─► regions ─► lift ─► match (─► fit) ─► levels of detail ─► Scene
"""

from dataclasses import dataclass

import numpy as np

from ..camera import FULL_FRAME_WIDTH_MM, Camera
from ..depth import DepthEstimate, DepthOptions
from ..depth.estimating import estimate, grid_size
from ..image import Photo
from ..lift.lifting import grid_budget, lift, plain_share
from ..progress import Progress
from ..regions.finding import find_regions, label_map
from ..render.fitting import FitOptions, Shot, fit
from ..render.levels.build import build_levels
from ..render.match import match_photo
from ..scene import PHOTO_CAMERA, BaseWitness, Maps, Scene
from ..splats import PHOTOGRAPHED, Splats
from ..stopwatch import Stopwatch
from .options import PhotoOptions


@dataclass(frozen=True, eq=False)
class MeasuredPhoto:
    """A photo once it was measured: its full-size pixels are not needed any more."""

    estimate: DepthEstimate
    colours: np.ndarray  # (H, W, 3) float32, sRGB-encoded, on the estimate's grid
    witness: BaseWitness
    notes: tuple[str, ...]  # what the reader of the photo told the artist
    brightest: float | None  # the largest colour a splat may have; None for HDR photos


def measure_photo(
    photo: Photo, options: PhotoOptions, watch: Stopwatch, progress: Progress
) -> MeasuredPhoto:
    """Estimate the depth of a photo.

    Args:
        photo: upright.
        options: what is known of it.
        watch: notes the seconds of the stage.
        progress: told 0.1..0.45.

    Raises:
        DepthError: the depth source is not there, or its model is damaged or too large.
    """
    with watch.stage("depth"):
        known = DepthOptions(
            source=options.depth,
            focal_px=options.focal_px,
            focal_mm=options.focal_mm,
            camera_height=options.camera_height,
            max_pixels=grid_pixels(photo, options.max_splats),
            model_folder=options.depth_folder,
        )
        found = estimate(photo, known, progress.part(0.1, 0.45))
        colours = photo.encoded(found.view.width, found.view.height)
    brightest = None if photo.linear else 1.0
    return MeasuredPhoto(found, colours, BaseWitness.of(photo), photo.notes, brightest)


def scene_from_photo(
    measured: MeasuredPhoto, options: PhotoOptions, watch: Stopwatch, progress: Progress
) -> Scene:
    """Make a scene, without a name, of a photo whose depth was measured.

    Args:
        measured: what `measure_photo` gave.
        options: what is known of the photo.
        watch: notes the seconds of each stage.
        progress: told 0.45..0.85.

    Raises:
        AnchorStageError: one sentence.
    """
    found = measured.estimate
    colours = measured.colours
    with watch.stage("regions"):
        regions = find_regions(found, colours, progress.part(0.45, 0.6))
    with watch.stage("splats"):
        progress(0.6, "Splats")
        lifted = lift(found, colours, options.max_splats)
        labels = label_map(regions, found.depth.shape)
        splats = lifted.splats.with_(region=labels.ravel()[lifted.pixels])
    with watch.stage("colours"):
        splats = match_photo(
            splats,
            found.view,
            colours,
            lifted.rows,
            upper=measured.brightest,
            progress=progress.part(0.65, 0.8),
            spilled=lifted.spilled,
        )
    if options.fit:
        with watch.stage("fit"):
            shot = Shot(found.view, colours)
            splats = fitted(splats, shot, options.fit, progress.part(0.8, 0.83))
    with watch.stage("levels"):
        levels = build_levels(splats, progress.part(0.83, 0.85))
    view = found.view.resized(measured.witness.width, measured.witness.height)
    return Scene(
        name="",
        photo=measured.witness,
        splats=splats,
        levels=levels,
        cameras=(Camera.from_view(PHOTO_CAMERA, view, FULL_FRAME_WIDTH_MM),),
        maps=Maps.of(found),
        regions=tuple(regions),
        depth_source=found.source,
        warnings=(*measured.notes, *found.warnings),
    )


def grid_pixels(photo: Photo, max_splats: int) -> int:
    """Return how many pixels the depth grid may have.

    It has more where much of the photo is plain, because plain parts cost few splats.
    """
    usual = grid_budget(max_splats)
    if photo.width * photo.height <= usual:
        return usual
    plain = plain_share(photo.encoded(*grid_size(photo, usual)))
    return grid_budget(max_splats, plain)


def fitted(splats: Splats, shot: Shot, iterations: int, progress: Progress | None = None) -> Splats:
    """Fit splats to the photo; those that it does not show stay as they are.

    Their gradients are the faintest, and would stain them.
    """
    options = FitOptions(locked=splats.origin != PHOTOGRAPHED)
    return fit(splats, [shot], iterations, options, progress)
