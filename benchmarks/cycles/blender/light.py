"""Sun, sky and clouds; indoors, soft lamps besides."""

from typing import Any

import bpy
import numpy as np

from ..catalogue import Scene

SUN, SUN_ANGLE = (
    4.2,
    0.009,
)  # W/m2 of an unclouded sun where the sky gives about a quarter of it; radians of its disc
_SUN_COLOR = (1.0, 0.93, 0.83)
_SKY = 0.5  # of the sky texture's radiance
_CLOUD = (1.0, 1.0, 1.02)
_CLOUD_RADIANCE = 2.6  # in the sky texture's unit
_LAMP_WATTS = 45.0


def light(scene: Scene, random: np.random.Generator) -> None:
    """Light the present Blender scene."""
    _sky(scene, float(random.uniform(0, 50)))
    elevation, azimuth = np.radians(scene.sun)
    lamp = bpy.data.lights.new("sun", "SUN")
    lamp.energy, lamp.angle, lamp.color = SUN, SUN_ANGLE, _SUN_COLOR
    sun = bpy.data.objects.new("sun", lamp)
    sun.rotation_euler = (np.pi / 2 - elevation, 0, np.pi - azimuth)
    bpy.context.scene.collection.objects.link(sun)
    if not scene.outdoors:
        _ceiling_light()


def _ceiling_light() -> None:
    """A large soft lamp under the ceiling behind the camera, as of a second window."""
    for y, watts in ((-1.2, _LAMP_WATTS), (2.2, 0.5 * _LAMP_WATTS)):
        lamp = bpy.data.lights.new("ceiling", "AREA")
        lamp.shape, lamp.size, lamp.energy, lamp.color = "SQUARE", 1.4, watts, (1.0, 0.92, 0.80)
        item = bpy.data.objects.new("ceiling", lamp)
        item.location = (0, y, 2.54)
        item.visible_camera = False
        bpy.context.scene.collection.objects.link(item)


def _sky(scene: Scene, drift: float) -> None:
    """A clear sky with drifting clouds, brighter towards the horizon."""
    world = bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    tree = world.node_tree
    tree.nodes.clear()

    def add(kind: str, links: dict[int, Any], output: int = 0, **settings: Any) -> Any:
        node = tree.nodes.new("ShaderNode" + kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for index, value in links.items():
            if hasattr(value, "links"):
                tree.links.new(value, node.inputs[index])
            else:
                node.inputs[index].default_value = value
        return node.outputs[output]

    elevation, azimuth = np.radians(scene.sun)
    sky = add("TexSky", {}, sky_type="HOSEK_WILKIE", turbidity=3.0, ground_albedo=0.3)
    way = np.array(
        [
            np.sin(azimuth) * np.cos(elevation),
            np.cos(azimuth) * np.cos(elevation),
            np.sin(elevation),
        ]
    )
    sky.node.sun_direction = way.tolist()
    place = add("Mapping", {0: add("TexCoord", {}, 0), 1: (drift, drift, 0), 3: (1.0, 1.0, 3.0)})
    cloud = add(
        "MapRange",
        {0: add("TexNoise", {0: place, 2: 2.2, 3: 6.0, 4: 0.6}), 1: 0.48, 2: 0.75, 3: 0.0, 4: 0.85},
    )
    bright = add("MixRGB", {0: cloud, 1: sky, 2: (*(_CLOUD_RADIANCE * c for c in _CLOUD), 1.0)})
    shown = add("Background", {0: bright, 1: _SKY})
    output = tree.nodes.new("ShaderNodeOutputWorld")
    tree.links.new(shown, output.inputs[0])
