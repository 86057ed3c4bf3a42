"""The compositor's tree: `scene.node_tree` up to Blender 4.5, a node group from 5.0 on."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from .settings import DIGITS, Preset

Slot = tuple[str, str]  # name, socket type: RGBA, FLOAT or VECTOR

TAG = "anchorstage"  # custom property of our nodes; its value says which one it is
FRAME, LAYERS, OUTPUT, COMPOSITE = "frame", "layers", "output", "composite"

IS_GROUP = bpy.app.version >= (5, 0, 0)


def find(scene: bpy.types.Scene) -> bpy.types.NodeTree | None:
    """Return the tree that composites the scene; None where none does."""
    if IS_GROUP:
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def ensure(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """Return the scene's tree; make it, or switch it on, where there is none.

    The artist's nodes stay as they are.
    """
    if IS_GROUP:
        if scene.compositing_node_group is None:
            scene.compositing_node_group = bpy.data.node_groups.new(
                "AnchorStage Compositing", "CompositorNodeTree"
            )
        return scene.compositing_node_group
    scene.use_nodes = True
    return scene.node_tree


def tagged(tree: bpy.types.NodeTree, role: str) -> list[bpy.types.Node]:
    """List our nodes of one role, copies that the artist made included."""
    return [node for node in tree.nodes if node.get(TAG) == role]


def new_node(tree: bpy.types.NodeTree, kind: str, role: str) -> bpy.types.Node:
    """Make a node of ours."""
    node = tree.nodes.new(kind)
    node[TAG] = role
    return node


def shows_picture(tree: bpy.types.NodeTree) -> bool:
    """Tell whether the artist's tree already ends in what F12 shows."""
    return any(node.type in {"COMPOSITE", "GROUP_OUTPUT"} for node in tree.nodes)


def new_result_node(tree: bpy.types.NodeTree) -> bpy.types.Node:
    """Make the node whose first input F12 shows."""
    if not IS_GROUP:
        return new_node(tree, "CompositorNodeComposite", COMPOSITE)
    sockets = [
        item
        for item in tree.interface.items_tree
        if item.item_type == "SOCKET" and item.in_out == "OUTPUT"
    ]
    if not sockets:
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return new_node(tree, "NodeGroupOutput", COMPOSITE)


def set_format(node: bpy.types.Node, preset: Preset) -> None:
    """Have a File Output node write a multi-layer EXR, single part, as the preset asks."""
    if hasattr(node.format, "media_type"):
        node.format.media_type = "MULTI_LAYER_IMAGE"
    node.format.file_format = "OPEN_EXR_MULTILAYER"
    node.format.color_depth = preset.color_depth
    node.format.exr_codec = preset.codec
    if hasattr(node.format, "use_exr_interleave"):
        node.format.use_exr_interleave = True


def set_path(node: bpy.types.Node, folder: str, name: str) -> None:
    """Set the place where a File Output node writes."""
    folder = folder.rstrip("/\\") + "/" if folder not in {"", "//"} else "//"
    if IS_GROUP:
        node.directory, node.file_name = folder, name
    else:
        node.base_path = folder + name


def frame_path(node: bpy.types.Node, frame: int, suffix: str = "") -> Path:
    """Return the file that a File Output node writes for a frame.

    Its directory and name may have been changed by hand.
    """
    pattern = os.path.join(node.directory, node.file_name) if IS_GROUP else node.base_path
    if "#" not in pattern:
        pattern += DIGITS
    # Without a saved .blend, Blender's `//` is its working folder, which the engine does not share.
    path = os.path.abspath(bpy.path.abspath(pattern)).removesuffix(".exr")
    # Blender fills the last run of digits alone, and a negative frame keeps its digits.
    *_, run = re.finditer("#+", path)
    number = f"{'-' if frame < 0 else ''}{abs(frame):0{len(run[0])}d}"
    folder, name = os.path.split(path[: run.start()] + number + path[run.end() :])
    # The eye's suffix goes where Blender takes an extension to begin.
    stem, extension = os.path.splitext(name)
    return Path(folder, f"{stem}{suffix}{extension}.exr")


def slots_of(node: bpy.types.Node) -> Any:
    """Return the layers that a File Output node writes, one an input; each has a name."""
    return node.file_output_items if IS_GROUP else node.layer_slots


def set_slots(node: bpy.types.Node, wanted: Sequence[Slot]) -> None:
    """Give a File Output node the inputs wanted.

    Those that the artist added stay; masks of regions that are gone go.
    """
    names = [name for name, _ in wanted]
    slots = slots_of(node)
    masks = [slot for slot in slots if slot.name.startswith("region_")]
    for slot in masks:
        if slot.name not in names:
            slots.remove(slot if IS_GROUP else node.inputs[slot.name])
    present = {slot.name for slot in slots}
    for name, kind in wanted:
        if name not in present:
            # Before 5.0 a layer of a File Output node takes any socket.
            slots.new(*((kind, name) if IS_GROUP else (name,)))
