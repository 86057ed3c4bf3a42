"""A scene in Blender: built, lit, photographed from each place, and measured without noise or smoothing.

Each picture is rendered twice. The photo has many samples a pixel and is denoised. The measurement
has one, through the pixel's very centre, on plain surfaces without relief: planar depth in metres
(1e10 where there is nothing) and normals.
"""

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..catalogue import MOVES, PHOTO, VIEW_PART, Move, Scene
from . import indoors, outdoors
from .light import light
from .materials import Painter
from .solids import Solids

PHOTO_FILE, TRUTH_FILE = "{}.photo.exr", "{}.truth.exr"
SAMPLES, PHOTO_SAMPLES = 6, 8  # a pixel, before denoising
_BOUNCES = 3
_CENTRE = 0.01  # pixels: the narrowest filter there is
_SENSOR_MM = 36.0
_GRID = 24  # rays a side that measure how far a scene is
_CLEARANCE = 0.15  # metres that a moved camera keeps from everything
_TO_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])


def shoot(scene: Scene, folder: Path, moves: tuple[Move, ...] = MOVES) -> None:
    """Build a scene and write its pictures and measurements.

    Args:
        scene: the scene.
        folder: for MOVE.photo.exr and MOVE.truth.exr, and `depth.txt`, the median depth in metres
            that moves are parts of.
        moves: the places from which it is seen.

    Raises:
        ValueError: a move leads into something.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    build(scene)
    camera = _camera(scene)
    depth = _median_depth(scene)
    (folder / "depth.txt").write_text(f"{depth!r}\n", encoding="ascii")
    for passes in (_measuring, _photographing):
        name = passes()
        for number, move in enumerate(moves):
            pose = move.pose(scene.view, depth)
            _keep_clear(scene, move, pose)
            camera.matrix_world = Matrix((pose @ _TO_BLENDER).tolist())
            _render(scene, move, number, folder / name.format(move.name))


def build(scene: Scene) -> None:
    """The place, its light and its sky."""
    solids = Solids(np.random.default_rng(scene.seed))
    make = getattr(outdoors if scene.outdoors else indoors, scene.place)
    make(solids)
    solids.build(Painter())
    light(scene, solids.random)


def _camera(scene: Scene) -> Any:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width = "HORIZONTAL", _SENSOR_MM
    data.lens = scene.view.fx / scene.view.width * _SENSOR_MM
    data.clip_start, data.clip_end = 0.01, 2000
    camera = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    return camera


def _median_depth(scene: Scene) -> float:
    """Planar metres, of what is no sky."""
    view = scene.view.resized(_GRID, _GRID)
    rays = view.rays().reshape(-1, 3)
    hits = [_distance(view.position, ray) for ray in rays @ view.world_from_camera[:3, :3].T]
    depths = [
        hit / np.linalg.norm(ray) for hit, ray in zip(hits, rays, strict=True) if np.isfinite(hit)
    ]
    return float(np.median(depths))


def _distance(start: np.ndarray, way: np.ndarray) -> float:
    """Metres to the first thing along a way; inf where there is none."""
    graph = bpy.context.evaluated_depsgraph_get()
    found, at, *_ = bpy.context.scene.ray_cast(
        graph, Vector(start.tolist()), Vector(way.tolist()).normalized()
    )
    return float((at - Vector(start.tolist())).length) if found else float("inf")


def _keep_clear(scene: Scene, move: Move, pose: np.ndarray) -> None:
    """Refuse a step through or close to something."""
    if move == PHOTO:
        return
    step = pose[:3, 3] - scene.view.position
    if _distance(scene.view.position, step) < np.linalg.norm(step) + _CLEARANCE:
        raise ValueError(
            f"In the scene {scene.name} the camera cannot move {move.name}: something stands in its way."
        )


def _common() -> Any:
    """Settings of both passes."""
    here = bpy.context.scene
    here.render.engine = "CYCLES"
    here.render.resolution_percentage = 100
    here.render.threads_mode, here.render.threads = "FIXED", 1
    here.render.use_persistent_data = True
    here.render.film_transparent = False
    settings = here.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth, settings.exr_codec = (
        "OPEN_EXR_MULTILAYER",
        "32",
        "ZIP",
    )
    if hasattr(settings, "use_exr_interleave"):
        settings.use_exr_interleave = True
    here.cycles.device, here.cycles.use_adaptive_sampling, here.cycles.use_auto_tile = (
        "CPU",
        False,
        False,
    )
    here.cycles.pixel_filter_type = "BLACKMAN_HARRIS"
    return here


def _measuring() -> str:
    """One ray through each pixel's centre, on plain surfaces."""
    here, layer = _common(), bpy.context.view_layer
    layer.use_pass_z = layer.use_pass_normal = True
    plain = bpy.data.materials.new("measured")
    layer.material_override = plain
    here.cycles.samples, here.cycles.max_bounces, here.cycles.use_denoising = 1, 0, False
    here.cycles.filter_width = _CENTRE
    return TRUTH_FILE


def _photographing() -> str:
    """As a camera sees it."""
    here, layer = _common(), bpy.context.view_layer
    layer.use_pass_z = layer.use_pass_normal = False
    layer.material_override = None
    here.cycles.max_bounces = _BOUNCES
    here.cycles.diffuse_bounces, here.cycles.glossy_bounces, here.cycles.transmission_bounces = (
        _BOUNCES,
        2,
        2,
    )
    here.cycles.sample_clamp_indirect = 6.0
    here.cycles.caustics_reflective = here.cycles.caustics_refractive = False
    here.cycles.filter_width = 1.2
    here.cycles.use_denoising, here.cycles.denoiser = True, "OPENIMAGEDENOISE"
    here.cycles.denoising_input_passes, here.cycles.denoising_prefilter = (
        "RGB_ALBEDO_NORMAL",
        "FAST",
    )
    here.cycles.denoising_quality = "BALANCED"
    return PHOTO_FILE


def _render(scene: Scene, move: Move, seed: int, path: Path) -> None:
    """One picture in the size of its kind."""
    here = bpy.context.scene
    part = 1.0 if move == PHOTO else VIEW_PART
    here.render.resolution_x, here.render.resolution_y = (round(side * part) for side in scene.size)
    here.cycles.seed = seed
    if here.cycles.use_denoising:
        here.cycles.samples = PHOTO_SAMPLES if move == PHOTO else SAMPLES
    here.render.filepath = str(path.with_suffix(""))
    bpy.ops.render.render(write_still=True)
