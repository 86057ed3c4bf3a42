"""Rendering and exporting, as functions run inside Blender: `render_scenarios.py NAME FOLDER OUTPUT.json`.

FOLDER holds `photo.png`. Each scenario's last value is written to OUTPUT.json.
"""

import json
import shutil
import sys
from pathlib import Path

import bpy

NAME, FOLDER, OUTPUT = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
ADDON = "bl_ext.user_default.anchorstage.anchorstage_addon"
SCENE = bpy.context.scene
BLEND = FOLDER / "shot.blend"


def part(name):
    """A module of the installed extension."""
    return sys.modules[f"{ADDON}.{name}"]


def tree():
    return part("compositor.tree").find(bpy.context.scene)


def artists_nodes():
    """A grade between the render and the picture, as an artist may have it."""
    if bpy.app.version >= (5, 0, 0):
        nodes = SCENE.compositing_node_group = bpy.data.node_groups.new(
            "Mine", "CompositorNodeTree"
        )
        nodes.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        layers, result = (
            nodes.nodes.new("CompositorNodeRLayers"),
            nodes.nodes.new("NodeGroupOutput"),
        )
    else:
        SCENE.use_nodes = True
        nodes = SCENE.node_tree
        layers, result = nodes.nodes["Render Layers"], nodes.nodes["Composite"]
    grade = nodes.nodes.new("CompositorNodeInvert")
    grade.name = "My grade"
    nodes.links.new(layers.outputs["Image"], grade.inputs["Color"])
    nodes.links.new(grade.outputs[0], result.inputs[0])


def described():
    """Every node that is not ours, where it stands and what is linked to it."""
    return sorted(
        [
            node.name,
            node.type,
            *node.location,
            [link.from_node.name for socket in node.inputs for link in socket.links],
        ]
        for node in tree().nodes
        if not node.get("anchorstage")
    )


def ours():
    """How many nodes of ours there are, and which slots are linked."""
    nodes = [node for node in tree().nodes if node.get("anchorstage")]
    output = next(node for node in nodes if node["anchorstage"] == "output")
    return {
        "count": len(nodes),
        "slots": {socket.name: socket.is_linked for socket in output.inputs if socket.name},
    }


def reconstruct():
    """A scene from the photo; its camera on frame 1, moved in and aside with a longer lens on frame 2."""
    bpy.ops.wm.save_as_mainfile(filepath=str(BLEND))
    folder = FOLDER / "photo.anchorstage"
    assert bpy.ops.anchorstage.reconstruct(
        filepath=str(FOLDER / "photo.png"), output=str(folder)
    ) == {"FINISHED"}
    camera = SCENE.camera
    SCENE.frame_start, SCENE.frame_end = 1, 2
    for frame, aside, lens in ((1, 0.0, camera.data.lens), (2, 0.3, camera.data.lens * 1.2)):
        camera.location.x += aside
        camera.data.lens = lens
        camera.keyframe_insert("location", frame=frame)
        camera.data.keyframe_insert("lens", frame=frame)
    SCENE.render.fps, SCENE.render.fps_base = 24, 1.001
    SCENE.render.filepath = str(FOLDER / "main_")


def refused(call):
    """The sentence with which an operator refused."""
    try:
        call()
    except RuntimeError as error:
        return str(error).strip()
    raise AssertionError("it was not refused")


def shot():
    """The whole way: set up twice beside an artist's nodes, with a slot of the artist's own, and render."""
    artists_nodes()
    before = described()
    reconstruct()
    assert bpy.ops.anchorstage.setup_export() == {"FINISHED"}
    first = ours()
    output = part("compositor.tree").tagged(tree(), "output")[0]
    slots = part("compositor.tree").slots_of(output)
    slots.new("RGBA", "Graded") if bpy.app.version >= (5, 0, 0) else slots.new("Graded")
    tree().links.new(tree().nodes["My grade"].outputs[0], output.inputs["Graded"])
    assert bpy.ops.anchorstage.setup_export() == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    bpy.ops.render.render(animation=True)
    return {
        "untouched": described() == before,
        "first": first,
        "second": ours(),
        "regions": [region.name for region in SCENE.anchorstage.regions],
        "files": sorted(path.name for path in (FOLDER / "anchorstage_out").iterdir()),
        "main": sorted(path.name for path in FOLDER.glob("main_*")),
    }


def farm():
    """Another machine: nothing but the saved .blend and one frame of it."""
    bpy.ops.wm.open_mainfile(filepath=str(BLEND))
    shutil.rmtree(FOLDER / "anchorstage_out")
    bpy.context.scene.frame_set(2)
    bpy.ops.render.render()
    return {"files": sorted(path.name for path in (FOLDER / "anchorstage_out").iterdir())}


def pictures():
    """Sizes: a percentage, a border padded and cropped, a second view layer, a stereo pair."""
    reconstruct()
    bpy.ops.anchorstage.setup_export()
    render = SCENE.render
    render.resolution_percentage = 50

    def still(frame, **changes):
        SCENE.frame_set(frame)
        for name, value in changes.items():
            setattr(render, name, value)
        bpy.ops.render.render()

    still(10)
    border = {"border_min_x": 0.25, "border_max_x": 0.67, "border_min_y": 0.1, "border_max_y": 0.5}
    still(11, use_border=True, **border)
    still(12, use_crop_to_border=True)
    still(13, use_border=False, use_multiview=True)
    render.use_multiview = False
    SCENE.view_layers.new("Second")
    still(14)
    part("compositor.tree").tagged(tree(), "output")[0].mute = True
    still(14)
    return {"files": sorted(path.name for path in (FOLDER / "anchorstage_out").iterdir())}


def refusals():
    """What cannot be rendered: one sentence, no file."""
    SCENE.render.engine = "ANCHORSTAGE"
    said = {
        "nothing": refused(bpy.ops.render.render),
        "setup": refused(bpy.ops.anchorstage.setup_export),
    }
    reconstruct()
    bpy.ops.anchorstage.setup_export()
    camera = SCENE.camera
    SCENE.camera = None
    said["no camera"] = refused(bpy.ops.render.render)
    SCENE.camera = next(ob for ob in SCENE.objects if ob.type == "LIGHT")
    said["light"] = refused(bpy.ops.render.render)
    SCENE.camera = camera
    camera.data.type = "ORTHO"
    said["ortho"] = refused(lambda: bpy.ops.render.render(animation=True))
    camera.data.type = "PERSP"
    kept = SCENE.anchorstage.path
    SCENE.anchorstage.path = str(FOLDER / "gone.anchorstage")
    said["gone"] = refused(bpy.ops.render.render)
    SCENE.anchorstage.path = kept
    written = (FOLDER / "anchorstage_out").exists()
    said["finishing"] = _finishing_fails()
    return {
        "said": said,
        "written": written,
        "files": [path.name for path in (FOLDER / "anchorstage_out").iterdir()],
    }


def _finishing_fails():
    """The scene disappears between the render and the finishing step."""
    scene_file = FOLDER / "photo.anchorstage" / "scene.json"

    def lose(*_):
        scene_file.unlink()

    bpy.app.handlers.render_post.insert(0, lose)
    bpy.ops.render.render()
    bpy.app.handlers.render_post.remove(lose)
    return part("ui.status").last().text


def panels():
    """Blender's own panels with our engine, and without the extension."""
    engines = lambda: sorted(  # noqa: E731
        cls.__name__
        for cls in bpy.types.Panel.__subclasses__()
        if "ANCHORSTAGE" in getattr(cls, "COMPAT_ENGINES", ())
    )
    with_us = engines()
    bpy.ops.preferences.addon_disable(module="bl_ext.user_default.anchorstage")
    left = [
        h.__name__
        for name in ("render_pre", "render_post")
        for h in getattr(bpy.app.handlers, name)
        if ADDON in h.__module__
    ]
    return {
        "with": with_us,
        "without": engines(),
        "handlers": left,
        "settings": hasattr(bpy.types.Scene, "anchorstage_export"),
    }


OUTPUT.write_text(json.dumps(globals()[NAME](), default=str), encoding="utf-8")
