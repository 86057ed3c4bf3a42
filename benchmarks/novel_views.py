"""Views from beside the photo's place, compared with the pictures that Cycles takes from there.

photo ─► depth of a source ─► splats, matched to the photo ─► rendered after each move

What the photo never saw is known exactly: a point of the true view that lies outside the photo's
frame, or behind the surface that the photo shows there. `psnr`, `ssim` and `ms_gmsd` leave it out;
the columns that end in `_filled` count the whole frame, in which holes (alpha below 0.5) are grown
over from their border (Telea 2004). A move is a part of the true scene's median depth: in metres
(`metric`), or in the unit of the source's own scene (`aligned`), as an artist moves who trusts the
eye.
"""

from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np

from benchmarks import depth_sources, image_metrics
from benchmarks.cycles.catalogue import MOVES, PHOTO, Move
from benchmarks.cycles.library import Made, Picture
from benchmarks.depth_sources import BUILTIN, FLOOR, TRUTH
from benchmarks.measured import CYCLES, PHOTOS, Measured
from engine.camera import View
from engine.depth import DepthEstimate, DepthOptions
from engine.geometry import invert_pose
from engine.image import Photo, read
from engine.makers.options import PhotoOptions
from engine.makers.photo import MeasuredPhoto, fitted, grid_pixels, scene_from_photo
from engine.progress import Progress
from engine.render import VOID_ALPHA, ProxyRender, RenderOptions
from engine.render.fitting import Shot
from engine.render.rasteriser import render
from engine.scene import BaseWitness
from engine.splats import DEFAULT_MAX_SPLATS, Splats
from engine.stopwatch import Stopwatch

METRIC, ALIGNED = "metric", "aligned"
OWN = "photo's own"
FITTED, FIT = ", fitted", 40  # of a source's name; iterations
_FAR = 1e7  # metres: the sky, for which no move is far
_BEHIND = 0.02  # part of the depth: so far behind the photo's surface a point is hidden by it
_TELEA_PX = 3

_HEAD = ("set", "source", "move", "unit")  # what tells rows apart

Row = dict[str, object]


@dataclass(frozen=True)
class Seen:
    """The pixels of a true view whose points are in the photo's frame, and those it shows."""

    inside: np.ndarray  # (H, W) bool
    shown: np.ndarray  # (H, W) bool


def seen_by(photo_view: View, photo_depth: np.ndarray, view: View, depth: np.ndarray) -> Seen:
    """Find the parts of a view that a photo saw, by both true planar depths (H, W), inf in the sky.

    A point is shown if it is no farther than the farthest of the four pixels about its image in the
    photo: in doubt, within a pixel of a silhouette, it counts as shown.
    """
    points = view.unproject(np.where(np.isfinite(depth), depth, _FAR))
    pixels, distance = photo_view.project(points)
    height, width = photo_depth.shape
    inside = (
        (distance > 0)
        & (pixels >= 0).all(-1)
        & (pixels[..., 0] < width)
        & (pixels[..., 1] < height)
    )
    column, row = np.moveaxis(
        np.floor(np.where(inside[..., None], pixels, 0.5) - 0.5).astype(int), -1, 0
    )
    around = [
        photo_depth[np.clip(row + down, 0, height - 1), np.clip(column + right, 0, width - 1)]
        for down in (0, 1)
        for right in (0, 1)
    ]
    return Seen(inside, inside & (distance <= np.max(around, axis=0) * (1 + _BEHIND)))


def scene_grid(photo: Photo) -> DepthOptions:
    """Return the options by which `reconstruct` asks for the depth of a photo."""
    return DepthOptions(max_pixels=grid_pixels(photo, DEFAULT_MAX_SPLATS))


def lifted(estimate: DepthEstimate, photo: Photo) -> Splats:
    """Return the splats that `reconstruct` makes of a photo with this depth."""
    measured = MeasuredPhoto(
        estimate=estimate,
        colours=photo.encoded(estimate.view.width, estimate.view.height),
        witness=BaseWitness.of(photo),
        notes=(),
        brightest=None if photo.linear else 1.0,
    )
    return scene_from_photo(measured, PhotoOptions(), Stopwatch(), Progress()).splats


def rows(scenes: list[Made], photos: list[Measured]) -> list[Row]:
    """Return means over the scenes for each source, distance and unit.

    At the photo's own view there is PSNR alone, and that of the photos too.
    """
    each = [row for made in scenes for row in of_scene(made)] + [
        own_view(sample) for sample in photos
    ]
    heads = list(dict.fromkeys(_head(row) for row in each))
    order = [OWN, *(_group(move) for move in MOVES if move != PHOTO)]
    heads.sort(key=lambda head: (order.index(head[2]), head[0], head[3]))
    return [_mean(head, [row for row in each if _head(row) == head]) for head in heads]


def _head(row: Row) -> tuple[str, str, str, str]:
    return str(row["set"]), str(row["source"]), str(row["move"]), str(row["unit"])


def _mean(head: tuple[str, str, str, str], chosen: list[Row]) -> Row:
    """One row of the table."""
    names = [name for name in chosen[0] if name not in _HEAD]
    numbers = {
        name: round(float(np.mean(np.array([row[name] for row in chosen], float))), 3)
        for name in names
    }
    return {
        "what": "view",
        **dict(zip(_HEAD, head, strict=True)),
        "pictures": len(chosen),
        **numbers,
    }


def of_scene(made: Made) -> list[Row]:
    """Each source's views of one scene."""
    photo, base = read(made.photo_path), made.picture(PHOTO)
    ours = [source for source in depth_sources.sources() if source.name in (BUILTIN, FLOOR)]
    grid = scene_grid(photo)
    found = [source.estimate(photo, grid, made.scene.outdoors) for source in ours]
    named = [
        *zip((source.name for source in ours), found, strict=True),
        (TRUTH, depth_sources.truth(base)),
    ]
    views = [(move, made.picture(move)) for move in MOVES if move != PHOTO]
    table: list[Row] = []
    for name, estimate in named:
        scene, units = lifted(estimate, photo), {METRIC: 1.0}
        if name != TRUTH:
            units[ALIGNED] = unit_of(estimate, base)
        kinds = (
            {name: scene}
            if name == FLOOR
            else {name: scene, name + FITTED: _fitted(scene, estimate, photo)}
        )
        for kind, gaussians in kinds.items():
            table.append(_own(kind, CYCLES, gaussians, estimate, photo))
            for (unit, factor), (move, true) in product(units.items(), views):
                drawn = render(
                    gaussians,
                    moved_view(estimate.view, base, true, factor),
                    RenderOptions(color_only=True),
                )
                head = {"set": CYCLES, "source": kind, "move": _group(move), "unit": unit}
                table.append(head | compared(drawn, base, true))
    return table


def _fitted(scene: Splats, found: DepthEstimate, photo: Photo) -> Splats:
    """The scene as `reconstruct --fit` makes it."""
    return fitted(scene, Shot(found.view, photo.encoded(found.view.width, found.view.height)), FIT)


def own_view(sample: Measured) -> Row:
    """The built-in source's picture of a real photo from its own place."""
    options = replace(scene_grid(sample.photo), focal_px=sample.focal_px)
    found = depth_sources.builtin(sample.photo, options, sample.outdoors)
    return _own(BUILTIN, PHOTOS, lifted(found, sample.photo), found, sample.photo)


def _own(source: str, set_: str, scene: Splats, found: DepthEstimate, photo: Photo) -> Row:
    """Against the photo on the grid that the splats were lifted from."""
    drawn = render(scene, found.view, RenderOptions(color_only=True))
    true = photo.encoded(found.view.width, found.view.height)
    same = image_metrics.psnr(drawn.color, true, np.ones(drawn.alpha.shape, bool))
    return {
        "set": set_,
        "source": source,
        "move": OWN,
        "unit": "",
        "psnr": same,
        "splats": len(scene),
    }


def unit_of(found: DepthEstimate, base: Picture) -> float:
    """Return the size of the estimate's scene, in that of the true one."""
    depth = cv2.resize(found.depth, base.depth.shape[::-1], interpolation=cv2.INTER_NEAREST)
    solid = np.isfinite(base.depth)
    return float(np.median(depth[solid] / base.depth[solid]))


def moved_view(own: View, base: Picture, true: Picture, factor: float) -> View:
    """Return the true view beside the photo in an estimate's world, `factor` times as far away."""
    step = invert_pose(base.view.world_from_camera) @ true.view.world_from_camera
    step[:3, 3] *= factor
    return replace(true.view, world_from_camera=own.world_from_camera @ step)


def compared(drawn: ProxyRender, base: Picture, true: Picture) -> Row:
    """All columns of one view."""
    seen = seen_by(base.view, base.depth, true.view, true.depth)
    hole = drawn.alpha < VOID_ALPHA
    whole, everywhere = filled(drawn), np.ones(hole.shape, bool)
    row: Row = {}
    for suffix, picture, counts in (("", drawn.color, seen.shown), ("_filled", whole, everywhere)):
        for measure in (image_metrics.psnr, image_metrics.ssim, image_metrics.ms_gmsd):
            row[measure.__name__ + suffix] = measure(picture, true.colours, counts)
    percent = 100 / hole.size
    return row | {
        "holes_percent": float(hole.sum() * percent),
        "holes_inside_percent": float((hole & seen.inside).sum() * percent),
        "void_percent": float((~seen.shown).sum() * percent),
    }


def filled(drawn: ProxyRender) -> np.ndarray:
    """Return the picture without its alpha, its holes grown over, (H, W, 3)."""
    straight = np.clip(drawn.color / np.maximum(drawn.alpha, 1e-3)[..., None], 0, 1)
    hole = drawn.alpha < VOID_ALPHA
    if not hole.any():
        return straight
    eight_bits = (straight * 255 + 0.5).astype(np.uint8)
    grown = cv2.inpaint(eight_bits, hole.astype(np.uint8), _TELEA_PX, cv2.INPAINT_TELEA)
    return np.where(hole[..., None], grown.astype(np.float32) / 255, straight)


def _group(move: Move) -> str:
    """Left and right count together, in and out do."""
    return f"{round(abs(move.right) * 100)} %" if move.right else "dolly"
