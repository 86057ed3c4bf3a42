"""Reconstruct: one photo becomes a scene on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import depth, image, regions, splats
from ..camera import FULL_FRAME_WIDTH_MM, Camera
from ..errors import ArgumentError
from ..models import SHARP
from ..progress import Progress
from ..render import FitOptions, Shot, fit, fitting, levels, match_photo
from ..scene import PHOTO_CAMERA, BaseWitness, Maps, Scene, save
from ..splats.record import PHOTOGRAPHED
from ..store import absolute, check_folder_name, one_line
from .stopwatch import Stopwatch
from .summary import summary

FEWEST_SPLATS = 100
MOST_SPLATS = 20_000_000
FOCAL_PX = (1, 10_000_000)
FOCAL_MM = (1, 100_000)  # from beyond a fisheye to a telescope
MOST_FIT = 10_000  # iterations
CAMERA_HEIGHTS = (0.001, 100_000)  # metres, from a miniature to an aeroplane


@dataclass(frozen=True)
class ReconstructOptions:
    """What the user asked for."""

    photo: str  # the photo's file
    output: str  # the scene's folder, NAME.anchorstage
    overwrite: bool = False  # replace an existing scene of that name
    focal_px: float | None = None  # focal length in pixels of the upright photo; None: EXIF, else estimated
    focal_mm: float | None = None  # focal length for a 36 mm wide frame; None: EXIF, else estimated
    camera_height: float | None = None  # metres above the ground; None: 1.6 outdoors, 1.3 indoors
    max_splats: int = splats.DEFAULT_MAX_SPLATS  # budget
    depth: str = "builtin"  # which depth source: builtin, a model of engine.models, or sharp
    depth_folder: str | None = None  # the folder with that model's files; None: where models are kept
    fit: int = 0  # iterations in which the splats are fitted to the photo; needs torch

    def __post_init__(self) -> None:
        """Refuse values that make no sense, before any work is done."""
        for name, value, (low, high), unit in (
            ("focal length", self.focal_px, FOCAL_PX, "pixels"),
            ("focal length", self.focal_mm, FOCAL_MM, "mm"),
            ("camera height", self.camera_height, CAMERA_HEIGHTS, "metres"),
        ):
            if value is not None and not low <= value <= high:
                raise ArgumentError(f"The {name} must be a number from {low} to {high} {unit}, not {value:g}.")
        if self.focal_px is not None and self.focal_mm is not None:
            raise ArgumentError("Give the focal length in pixels or in millimetres, not both.")
        if not FEWEST_SPLATS <= self.max_splats <= MOST_SPLATS:
            raise ArgumentError(
                f"The number of splats must be between {FEWEST_SPLATS} and {MOST_SPLATS}, not {self.max_splats}."
            )
        if not 0 <= self.fit <= MOST_FIT:
            raise ArgumentError(f"A fit takes 0 to {MOST_FIT} iterations, not {self.fit}.")
        if self.fit and self.depth == SHARP.name:
            raise ArgumentError("SHARP's splats are taken as they are; leave the fit away.")


def photo_file(suffix: str) -> str:
    """How the photo is called in the scene's folder; odd suffixes are left out, for not every system can write them."""
    return f"photo{suffix}" if suffix[1:].isascii() and suffix[1:].isalnum() else "photo"


def grid_pixels(photo: image.Photo, max_splats: int) -> int:
    """How many pixels the grid may have: more where much of the photo is plain, and costs few splats."""
    usual = splats.grid_budget(max_splats)
    if photo.width * photo.height <= usual:
        return usual
    return splats.grid_budget(max_splats, splats.plain_share(photo.encoded(*depth.grid_size(photo, usual))))


def witness(photo: image.Photo) -> BaseWitness:
    """The photo as a scene keeps it."""
    return BaseWitness(photo_file(photo.suffix), photo.original, photo.width, photo.height, photo.exif)


def reconstruct(options: ReconstructOptions, progress: Progress) -> dict[str, Any]:
    """Photo to scene: image, depth, splats, regions, colour match, levels of detail, save.

    Returns:
        The scene's summary, with `seconds` by stage.

    Raises:
        AnchorStageError: one sentence; nothing is written then.
    """
    folder, watch = absolute(options.output), Stopwatch()
    check_folder_name(folder, options.overwrite)
    if options.fit:
        fitting.device_for(FitOptions())  # says what is missing before any work
    with watch.stage("image"):
        progress(0.0, "Reading the photo")
        photo = image.read(options.photo)
    if options.depth == SHARP.name:
        from .sharp import scene_by_sharp  # which needs this file

        scene = scene_by_sharp(options, photo, watch, progress).with_(name=one_line(folder.stem))
        return _saved(scene, folder, options, watch, progress)
    with watch.stage("depth"):
        known = depth.DepthOptions(
            options.depth, options.focal_px, options.focal_mm, options.camera_height, grid_pixels(photo, options.max_splats),
            options.depth_folder,
        )  # fmt: skip
        estimate = depth.estimate(photo, known, progress.part(0.1, 0.45))
        colours = photo.encoded(estimate.view.width, estimate.view.height)
    base, notes, upper = witness(photo), photo.notes, None if photo.linear else 1.0
    del photo  # its full-size pixels have done their work: the splats take their memory
    with watch.stage("regions"):
        found = regions.find_regions(estimate, colours, progress.part(0.45, 0.6))
    with watch.stage("splats"):
        progress(0.6, "Splats")
        lifted = splats.lift(estimate, colours, options.max_splats)
        labels = regions.label_map(found, estimate.depth.shape)
        gaussians = lifted.splats.with_(region=labels.ravel()[lifted.pixels])
    with watch.stage("colours"):
        part = progress.part(0.65, 0.8)
        gaussians = match_photo(
            gaussians, estimate.view, colours, lifted.rows, upper=upper, progress=part, spilled=lifted.spilled
        )
    if options.fit:
        with watch.stage("fit"):
            gaussians = fitted(gaussians, Shot(estimate.view, colours), options.fit, progress.part(0.8, 0.83))
    with watch.stage("levels"):
        levels.attach(gaussians, levels.build_levels(gaussians, progress.part(0.83, 0.85)))
    scene = Scene(
        name=one_line(folder.stem),
        photo=base,
        splats=gaussians,
        cameras=(Camera.from_view(PHOTO_CAMERA, estimate.view.resized(base.width, base.height), FULL_FRAME_WIDTH_MM),),
        maps=Maps(estimate.depth, estimate.uncertainty, estimate.normal, estimate.confidence),
        regions=tuple(found),
        depth_source=estimate.source,
        warnings=(*notes, *estimate.warnings),
    )
    return _saved(scene, folder, options, watch, progress)


def fitted(gaussians: splats.Splats, shot: Shot, iterations: int, progress: Progress | None = None) -> splats.Splats:
    """Splats fitted to the photo; what it does not show stays as it is, or the faintest gradients would stain it."""
    return fit(gaussians, [shot], iterations, FitOptions(locked=gaussians.origin != PHOTOGRAPHED), progress)


def _saved(scene: Scene, folder: Path, options: ReconstructOptions, watch: Stopwatch, progress: Progress) -> dict[str, Any]:
    """Write the scene; its summary, with the seconds of each stage."""
    with watch.stage("save"):
        save(scene, folder, options.overwrite, progress.part(0.85, 1.0))
    return summary(scene, folder) | {"seconds": watch.seconds}
