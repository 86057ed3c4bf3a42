"""The overlay in a window: `overlay_scenarios.py NAME PHOTO FOLDER OUTPUT.json`."""

import json
import math
import sys
import time
from pathlib import Path

import bpy
import numpy as np
from bpy_extras import view3d_utils
from mathutils import Euler, Vector

sys.path.insert(0, str(Path(__file__).parent))
import desk
import overlay_screen

NAME, PHOTO, FOLDER, OUTPUT = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
MODULE = "bl_ext.user_default.anchorstage"
CLEAN = (
    "show_text",
    "show_stats",
    "show_cursor",
    "show_floor",
    "show_axis_x",
    "show_axis_y",
    "show_extras",
    "show_outline_selected",
    "show_object_origins",
)
WALL = 4.0  # metres from the eye to the wall of splats
COLORS = [(200, 100, 50), (10, 20, 60), (128, 128, 128), (35, 160, 75)]


def part(name):
    """A module of the installed extension."""
    return sys.modules[f"{MODULE}.anchorstage_addon.{name}"]


def scene():
    return desk.window().scene


def region_views():
    """The pictures of all regions, in the order in which they were first drawn."""
    state = part("session").of(part("overlay.views").RegionViews)
    return list(state.by_pointer.values())


def rest():
    """Wait until every viewport shows all splats, and Blender has drawn them."""
    yield 0.4
    yield from desk.until(part("overlay.views").settled, 40, "all splats in the viewport")
    yield 0.6


def screen(name=None):
    """The window's pixels, bottom row first as Blender counts them; a file where a name is given."""
    yield from rest()
    pixels = overlay_screen.grab(desk.window().width, desk.window().height)
    if name:
        overlay_screen.write_png(FOLDER / f"{name}.png", pixels)
    return pixels[::-1].astype(int)


def bare():
    """An empty scene whose viewport holds nothing but what we draw."""
    bpy.context.preferences.view.show_splash = False
    bpy.ops.wm.read_homefile(use_empty=True)
    yield 0.5
    bare_viewport()


def bare_viewport():
    space = desk.viewport().spaces.active
    space.show_gizmo = False
    for name in CLEAN:
        setattr(space.overlay, name, False)


def window_pixel(point):
    """Where a world point is in the window: x, y from its lower left."""
    area = desk.viewport()
    region = desk.part(area, "WINDOW")
    place = view3d_utils.location_3d_to_region_2d(region, area.spaces.active.region_3d, point)
    return int(region.x + place.x), int(region.y + place.y)


def photo_pixels(spots):
    """Where pixels of the photo are in the window, through the scene's camera: its frame is the photo."""
    camera = scene().camera
    corners = [camera.matrix_world @ corner for corner in camera.data.view_frame(scene=scene())]
    frame = [window_pixel(corner) for corner in corners]
    (left, bottom), (right, top) = np.min(frame, axis=0), np.max(frame, axis=0)
    width, height = scene().render.resolution_x, scene().render.resolution_y
    return [
        (
            round(left + (u + 0.5) / width * (right - left)),
            round(top - (v + 0.5) / height * (top - bottom)),
        )
        for u, v in spots
    ]


def cube_before_camera(distance, size):
    """A mesh cube in the middle of the camera's view."""
    camera = scene().camera.matrix_world
    with desk.overridden():
        bpy.ops.mesh.primitive_cube_add(size=size, location=camera @ Vector((0, 0, -distance)))
        return bpy.context.object


def photo():
    """A photo's scene through its own camera: the photo's colours, meshes before and behind, and nothing when off."""
    spots = json.loads((FOLDER / "spots.json").read_text(encoding="utf-8"))
    yield from bare()
    with desk.overridden():
        bpy.ops.anchorstage.reconstruct(
            filepath=str(PHOTO), output=str(FOLDER / "flat.anchorstage"), max_splats=150_000
        )
    yield from desk.until(
        lambda: scene().anchorstage.path and not part("link").tasks(), 60, "the reconstruction"
    )
    scene().camera.data.show_background_images = (
        False  # the photo itself must not stand in for the splats
    )
    scene().camera.data.show_passepartout = False
    bare_viewport()
    yield from desk.until(region_views, 20, "the first drawing")
    pixels = yield from screen("overlay-photo")
    places = photo_pixels(spots)
    middle = photo_pixels([(scene().render.resolution_x / 2, scene().render.resolution_y / 2)])[0]
    result = {
        "shown": [pixels[y, x].tolist() for x, y in places],
        "middle": pixels[middle[1], middle[0]].tolist(),
    }
    near = cube_before_camera(0.6, 0.1)
    pixels = yield from screen("overlay-mesh-before")
    result["before"] = pixels[middle[1], middle[0]].tolist()
    scene().anchorstage_overlay.enabled = False
    pixels = yield from screen()
    result["mesh_alone"] = pixels[middle[1], middle[0]].tolist()
    scene().anchorstage_overlay.enabled = True
    near.hide_set(True)
    scene().anchorstage_overlay.mode = "CONFIDENCE"
    yield from screen("overlay-confidence")
    scene().anchorstage_overlay.mode = "REGIONS"
    yield from screen("overlay-regions")
    scene().anchorstage_overlay.enabled = False
    pixels = yield from screen()
    result["off"] = [pixels[y, x].tolist() for x, y in places]
    return result


def wall(colors=COLORS, side=60):
    """Splats of a wall at y = WALL, in quarters of these colours; region and confidence by quarter."""
    u, v = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    quarter = ((u > 0) + 2 * (v > 0)).ravel()
    table = np.zeros((side * side, 16), np.float32)
    table[:, 0], table[:, 1], table[:, 2] = u.ravel(), WALL, v.ravel()
    table[:, 3] = 0.999
    table[:, 4] = table[:, 9] = (2.0 / side) ** 2
    table[:, 7] = 1e-6
    table[:, 10], table[:, 11] = quarter, quarter / 4 + 0.2
    table[:, 12:15] = np.array(colors, np.float32)[quarter] / 255
    return table


def show(table, name="scene"):
    """Draw a table of splats as the scene of the current file."""
    folder = FOLDER / f"{name}.anchorstage"
    np.save(FOLDER / f"{name}.npy", table)
    part("overlay").show(str(folder), part("overlay").read(str(FOLDER / f"{name}.npy")))
    scene().anchorstage.path = str(folder)


def face_the_wall():
    """Look along +Y at the wall's middle."""
    camera = desk.viewport().spaces.active.region_3d
    camera.view_perspective, camera.view_distance, camera.view_location = (
        "PERSP",
        WALL,
        (0, WALL, 0),
    )
    camera.view_rotation = Euler((math.pi / 2, 0, 0)).to_quaternion()


QUARTERS = [(-0.5, WALL, -0.5), (0.5, WALL, -0.5), (-0.5, WALL, 0.5), (0.5, WALL, 0.5)]


def seen(name=None):
    """The window's colours in the middle of each quarter of the wall."""
    pixels = yield from screen(name)
    return [pixels[y, x].tolist() for x, y in map(window_pixel, QUARTERS)]


def life():
    """Everything that must not leave stale drawing behind, or stop the drawing."""
    yield from bare()
    show(wall())
    face_the_wall()
    result = {"shown": (yield from seen("overlay-wall"))}
    desk.viewport().spaces.active.region_3d.view_perspective = "ORTHO"
    result["orthographic"] = yield from seen()
    face_the_wall()
    yield from desk.open_sidebar()  # each mode's panel is drawn too
    for mode in ("REGIONS", "CONFIDENCE"):
        scene().anchorstage_overlay.mode = mode
        result[mode] = yield from seen(f"overlay-panel-{mode.lower()}")
    desk.viewport().spaces.active.show_region_ui = False
    scene().anchorstage_overlay.mode = "COLOR"
    result["picked"] = yield from picked()
    result["mesh_behind"] = yield from with_cube(6.0)
    result["mesh_before"] = yield from with_cube(2.0)
    overlay = desk.viewport().spaces.active.overlay
    overlay.show_overlays = False
    result["overlays_off"] = yield from seen()
    overlay.show_overlays = True
    result["undone"] = yield from after_undo()
    first = scene()
    desk.window().scene = bpy.data.scenes.new("Other")
    result["another_scene"] = yield from seen()
    desk.window().scene = first
    result["first_scene"] = yield from seen()
    result["quad"] = yield from in_quad_view()
    result["second_window"] = yield from in_second_window()
    result["reenabled"] = yield from after_reenabling()
    show(wall())
    bpy.ops.wm.read_homefile(use_empty=True)
    yield 0.5
    bare_viewport()
    face_the_wall()
    scene().anchorstage.path = str(FOLDER / "scene.anchorstage")
    result["another_file"] = yield from seen()
    return result


def picked():
    """The regions that clicks into the quarters, and beside the wall, would select."""
    yield from rest()
    region = desk.part(desk.viewport(), "WINDOW")
    with desk.overridden():
        spots = [window_pixel(point) for point in QUARTERS] + [(region.x + 1, region.y + 1)]
        return [part("overlay").pick(bpy.context, x - region.x, y - region.y) for x, y in spots]


def with_cube(distance):
    """The quarters' colours with a mesh before or behind the whole wall."""
    with desk.overridden():
        bpy.ops.mesh.primitive_cube_add(size=1, location=(0, distance, 0), scale=(4, 0.1, 4))
        cube = bpy.context.object
    colors = yield from seen()
    bpy.data.objects.remove(cube)
    return colors


def after_undo():
    """Undo to before the scene was there, and redo."""
    path = scene().anchorstage.path
    with desk.overridden():
        scene().anchorstage.path = ""
        bpy.ops.ed.undo_push(message="none")
        scene().anchorstage.path = path
        bpy.ops.ed.undo_push(message="scene")
        bpy.ops.ed.undo()
    without = yield from seen()
    with desk.overridden():
        bpy.ops.ed.redo()
    return {"undo": without, "redo": (yield from seen())}


def in_quad_view():
    """How many of the four views show the wall."""
    with desk.overridden():
        bpy.ops.screen.region_quadview()
    for camera in desk.viewport().spaces.active.region_quadviews:
        camera.view_location, camera.view_distance = (0, WALL, 0), 6.0
    pixels = yield from screen("overlay-quad")
    count = 0
    for region in desk.viewport().regions:
        if region.type == "WINDOW":
            inside = pixels[region.y : region.y + region.height, region.x : region.x + region.width]
            count += bool(
                (np.ptp(inside, axis=2) > 40).sum() > 50
            )  # seen edge-on, the wall is a thin coloured line
    with desk.overridden():
        bpy.ops.screen.region_quadview()
    face_the_wall()
    return count


def in_second_window():
    """The pictures that two windows hold, and one after the second is closed and the first resized."""
    with desk.overridden():
        bpy.ops.wm.window_new()
    yield from desk.until(lambda: len(region_views()) >= 2, 10, "drawing in the second window")
    yield from rest()
    second = bpy.context.window_manager.windows[-1]
    with bpy.context.temp_override(window=second):
        bpy.ops.wm.window_close()
    yield 0.5
    part("overlay.views").forget_closed_regions()
    return {"left": len(region_views()), "shown": (yield from seen())}


def after_reenabling():
    """An error stops the drawing with one sentence; disabling and enabling the extension starts it afresh."""
    overlay, records = part("overlay"), []
    logger = overlay.guard.logger
    logger.addFilter(
        lambda record: records.append(record.getMessage())
    )  # None is false: nothing reaches the console
    drawables = part("session").of(overlay.painting.Drawables)
    drawables.by_maker[overlay.shaders.splat_shader] = (None, None)
    scene().anchorstage_overlay.size = 1.1
    stopped = yield from seen()
    scene().anchorstage_overlay.size = 1.0
    bpy.ops.preferences.addon_disable(module=MODULE)
    gone = yield from pixels_without_addon()
    bpy.ops.preferences.addon_enable(module=MODULE)
    show(wall())
    return {"records": records, "stopped": stopped, "gone": gone, "shown": (yield from seen())}


def pixels_without_addon():
    yield 1.0
    pixels = overlay_screen.grab(desk.window().width, desk.window().height)[::-1]
    return [pixels[y, x].tolist() for x, y in map(window_pixel, QUARTERS)]


def cloud(count=3000):
    """Random anisotropic splats before the eye, also beside and behind it: scales, rotations and the table."""
    rng = np.random.default_rng(7)
    positions = rng.uniform((-4, -2, -3), (4, 9, 3), (count, 3))
    scales = np.exp(rng.normal(-3.5, 0.8, (count, 3)))
    rotations = rng.normal(size=(count, 4))
    rotations /= np.linalg.norm(rotations, axis=1, keepdims=True)
    w, x, y, z = rotations.T
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    ).transpose(2, 0, 1)
    axes = turn * scales[:, None, :]
    covariance = axes @ axes.transpose(0, 2, 1)
    table = np.zeros((count, 16), np.float32)
    table[:, :3], table[:, 3] = positions, rng.uniform(0.05, 1.0, count)
    for column, (i, j) in enumerate(((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)), start=4):
        table[:, column] = covariance[:, i, j]
    table[:, 12:15] = rng.uniform(0, 1, (count, 3))
    return scales, rotations, table


def twin():
    """The overlay's own picture of random splats, with all the engine needs to render the same."""
    yield from bare()
    scales, rotations, table = cloud()
    show(table)
    camera = desk.viewport().spaces.active.region_3d
    camera.view_perspective, camera.view_distance, camera.view_location = (
        "PERSP",
        3.0,
        (0.3, 3, 0.2),
    )
    camera.view_rotation = Euler((1.4, 0.1, 0.2)).to_quaternion()
    yield from screen("overlay-cloud")
    view = region_views()[0]
    texture = view.target.color
    texels = texture.read()
    texels.dimensions = (
        texture.width * texture.height * 4
    )  # 4.3 gives NumPy wrong strides for several dimensions
    picture = np.asarray(texels).reshape(texture.height, texture.width, 4)[::-1]
    np.savez(
        FOLDER / "twin.npz",
        picture=picture,
        table=table,
        scales=scales,
        rotations=rotations,
        view=view.request.view,
        window=view.request.window,
    )
    return {"size": [texture.width, texture.height]}


def moving():
    """The most splats drawn while the view turns, and how long Blender stood still, on software OpenGL."""
    yield from bare()
    show(wall(side=500))
    face_the_wall()
    yield from rest()
    camera = desk.viewport().spaces.active.region_3d
    fewer, ticks = [], [time.monotonic()]
    for step in range(8):
        camera.view_location = (0.02 * step, WALL, 0)
        yield 0.05
        ticks.append(time.monotonic())
        if step > 1:  # by then the first step has been drawn
            fewer.append(region_views()[0].complete)
    yield from rest()
    return {
        "complete_while_moving": fewer,
        "gap": float(np.max(np.diff(ticks))),
        "software": part("overlay.painting").on_software(),
    }


if __name__ == "__main__":
    desk.play(globals()[NAME], OUTPUT)
