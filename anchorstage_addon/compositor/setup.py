"""Setting up the export: our nodes beside the artist's, made once, brought up to date later."""

from pathlib import Path

import bpy

from .. import render_engine
from . import settings, tree

_GAP = 80.0  # units of the node editor between the artist's nodes and ours
_COLUMN = 420.0
_SOCKETS = {"COLOR": "RGBA", "VALUE": "FLOAT", "VECTOR": "VECTOR"}


def ensure_export(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> int:
    """Have the compositor write each frame's passes as the preset asks; returns how many layers."""
    scene.render.engine = render_engine.ENGINE
    scene.render.use_compositing = True
    # Sockets follow the passes only after this call.
    view_layer.update_render_passes()
    nodes = tree.ensure(scene)
    layers = _layers_node(nodes, scene, view_layer)
    slots = [
        ("Image", "RGBA"),
        *((one.name, _SOCKETS[one.kind]) for one in render_engine.data_passes(scene)),
    ]
    for output in tree.tagged(nodes, tree.OUTPUT) or [_output_node(nodes, layers)]:
        tree.set_format(output, settings.preset(scene))
        tree.set_path(output, scene.anchorstage_export.folder, settings.file_name(scene))
        tree.set_slots(output, slots)
        _connect(nodes, layers, output, [name for name, _ in slots])
    if not tree.shows_picture(nodes):
        _show_beauty(nodes, layers)
    return len(slots)


def first_file(scene: bpy.types.Scene) -> str:
    """The path of the first frame, as the artist would look for it."""
    nodes = tree.find(scene)
    outputs = tree.tagged(nodes, tree.OUTPUT) if nodes is not None else []
    return str(tree.frame_path(outputs[0], scene.frame_start)) if outputs else ""


def is_set_up(scene: bpy.types.Scene) -> bool:
    """Tell whether our nodes are in the scene's tree."""
    return bool(first_file(scene))


def file_range(scene: bpy.types.Scene) -> str:
    """First and last file of the animation, for the panel."""
    nodes = tree.find(scene)
    node = tree.tagged(nodes, tree.OUTPUT)[0] if nodes is not None else None
    if node is None:
        return ""
    first, last = (tree.frame_path(node, frame) for frame in (scene.frame_start, scene.frame_end))
    return f"{Path(first).name} … {Path(last).name}"


def _layers_node(
    nodes: bpy.types.NodeTree, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer
) -> bpy.types.Node:
    ours = tree.tagged(nodes, tree.LAYERS)
    if ours:
        return ours[0]
    top = min((node.location.y - node.height for node in nodes.nodes), default=0.0) - _GAP
    frame = tree.new_node(nodes, "NodeFrame", tree.FRAME)
    frame.label = "AnchorStage EXR"
    node = tree.new_node(nodes, "CompositorNodeRLayers", tree.LAYERS)
    node.scene, node.layer = scene, view_layer.name
    node.location = (0.0, top)
    node.parent = frame
    return node


def _output_node(nodes: bpy.types.NodeTree, layers: bpy.types.Node) -> bpy.types.Node:
    node = tree.new_node(nodes, "CompositorNodeOutputFile", tree.OUTPUT)
    node.label = "AnchorStage EXR"
    node.width = 240.0
    node.parent = layers.parent
    node.location = (layers.location.x + _COLUMN, layers.location.y)
    tree.slots_of(node).clear()
    return node


def _connect(
    nodes: bpy.types.NodeTree, layers: bpy.types.Node, output: bpy.types.Node, names: list[str]
) -> None:
    """Link each pass to its slot; what the artist linked to a slot instead stays."""
    for name in names:
        if not output.inputs[name].is_linked:
            nodes.links.new(layers.outputs[name], output.inputs[name])


def _show_beauty(nodes: bpy.types.NodeTree, layers: bpy.types.Node) -> None:
    """F12 shows the beauty where the artist's tree shows nothing."""
    node = tree.new_result_node(nodes)
    node.parent = layers.parent
    node.location = (layers.location.x + _COLUMN, layers.location.y + 160.0)
    nodes.links.new(layers.outputs["Image"], node.inputs[0])
