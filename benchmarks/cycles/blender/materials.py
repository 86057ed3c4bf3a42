"""Surfaces as a camera sees them: bricks, plaster, paving, wood, leaves, each with its unevenness, dirt and relief."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

Color = tuple[float, float, float]

_DIRT_SIZE, _GRAIN_SIZE = 0.7, 40.0  # noise cells a metre: stains of walls, grain of surfaces


class Paint(NamedTuple):
    """What a surface is made of."""

    recipe: str  # one of `RECIPES`
    color: Color = (0.5, 0.5, 0.5)  # scene-linear


class Surface(NamedTuple):
    """Sockets or constants of a surface before dirt is laid on it."""

    color: Any
    roughness: float = 0.8
    relief: Any = None  # a socket 0..1 that is pressed into the surface
    depth: float = 0.01  # metres of relief
    metallic: float = 0.0
    dirt: float = 0.35  # how much darker stains are
    glow: float = 0.0  # emission, in the unit of the sky's radiance


class Shader:
    """A material's nodes, as an expression: `add` gives a node's output for the next one's input."""

    def __init__(self, material: Any) -> None:
        """Begin with coordinates alone: `metres` within a face, `place` in the world."""
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # Blender 5 has nodes always, 4 only when asked
            material.use_nodes = True
        self.tree = material.node_tree
        self.tree.nodes.clear()
        coordinates = self.tree.nodes.new("ShaderNodeTexCoord")
        self.metres, self.place = coordinates.outputs["UV"], coordinates.outputs["Object"]

    def add(self, kind: str, inputs: dict[str | int, Any], output: int = 0, **settings: Any) -> Any:
        """A node `ShaderNode...` with sockets or constants at its inputs; gives one of its outputs."""
        node = self.tree.nodes.new("ShaderNode" + kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for name, value in inputs.items():
            if hasattr(value, "links"):
                self.tree.links.new(value, node.inputs[name])
            else:
                node.inputs[name].default_value = (
                    (*value, 1.0) if _is_color(value, node.inputs[name]) else value
                )
        return node.outputs[output]

    def noise(self, place: Any, scale: float, detail: float = 3.0, rough: float = 0.6) -> Any:
        """0..1, about a half."""
        return self.add(
            "TexNoise", {"Vector": place, "Scale": scale, "Detail": detail, "Roughness": rough}
        )

    def mapped(self, value: Any, low: float, high: float, to_low: float, to_high: float) -> Any:
        """One range moved to another, and held there."""
        return self.add("MapRange", {0: value, 1: low, 2: high, 3: to_low, 4: to_high})

    def mixed(self, factor: Any, first: Any, second: Any, how: str = "MIX") -> Any:
        """Two colours as one."""
        return self.add("MixRGB", {0: factor, 1: first, 2: second}, blend_type=how)

    def shaded(self, color: Color, value: Any, low: float = 0.75, high: float = 1.2) -> Any:
        """A colour made darker and brighter by a value 0.3..0.7."""
        return self.mixed(1.0, color, self.mapped(value, 0.3, 0.7, low, high), "MULTIPLY")


def _is_color(value: Any, socket: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and socket.type == "RGBA"


class Painter:
    """Blender's materials, each made once."""

    def __init__(self) -> None:
        """Begin without materials."""
        self._made: dict[Paint, Any] = {}

    def material(self, paint: Paint) -> Any:
        """The material of a paint."""
        if paint not in self._made:
            self._made[paint] = _material(paint)
        return self._made[paint]


def _material(paint: Paint) -> Any:
    """Recipe, then stains and grain, then Principled BSDF."""
    import bpy

    material = bpy.data.materials.new(paint.recipe)
    shader = Shader(material)
    surface = RECIPES[paint.recipe](shader, paint.color)
    stains = shader.mapped(
        shader.noise(shader.place, _DIRT_SIZE, 4.0, 0.7), 0.35, 0.65, 1 - surface.dirt, 1.1
    )
    color = shader.mixed(1.0, surface.color, stains, "MULTIPLY")
    inputs: dict[str | int, Any] = {
        "Base Color": color,
        "Roughness": surface.roughness,
        "Metallic": surface.metallic,
    }
    if surface.glow:
        inputs |= {"Emission Color": (1.0, 0.93, 0.82), "Emission Strength": surface.glow}
    if surface.relief is not None:
        inputs["Normal"] = shader.add(
            "Bump", {"Height": surface.relief, "Distance": surface.depth, "Strength": 0.8}
        )
    output = shader.tree.nodes.new("ShaderNodeOutputMaterial")
    shader.tree.links.new(shader.add("BsdfPrincipled", inputs), output.inputs["Surface"])
    return material


def _darker(color: Color, by: float) -> Color:
    return color[0] * by, color[1] * by, color[2] * by


def _bricks(
    s: Shader,
    color: Color,
    width: float,
    height: float,
    mortar: Color,
    joint: float,
    bias: float = 0.0,
) -> Any:
    """Colour of a bond with stones of two shades; its factor, 1 in the joints, is output 1 of the same node."""
    inputs: dict[str | int, Any] = {
        "Vector": s.metres,
        "Color1": color,
        "Color2": _darker(color, 0.62),
        "Mortar": mortar,
        "Scale": 1.0,
        "Mortar Size": joint,
        "Mortar Smooth": 0.3,
        "Bias": bias,
        "Brick Width": width,
        "Row Height": height,
    }
    return s.add("TexBrick", inputs)


def _joints(bricks: Any) -> Any:
    return bricks.node.outputs[1]


def _brick(s: Shader, color: Color) -> Surface:
    bricks = _bricks(s, color, 0.24, 0.077, (0.42, 0.39, 0.35), 0.006)
    return Surface(
        s.mixed(0.5, bricks, s.noise(s.metres, 12), "OVERLAY"), 0.9, _joints(bricks), -0.012
    )


def _ashlar(s: Shader, color: Color) -> Surface:
    blocks = _bricks(s, color, 0.75, 0.36, _darker(color, 0.4), 0.008)
    grain = s.noise(s.place, 9, 6)
    return Surface(s.mixed(0.55, blocks, grain, "OVERLAY"), 0.9, _joints(blocks), -0.02)


def _plaster(s: Shader, color: Color) -> Surface:
    grain = s.noise(s.place, 22, 5, 0.7)
    streaks = s.noise(s.add("Mapping", {"Vector": s.metres, "Scale": (2.5, 0.25, 1.0)}), 1.0, 4)
    return Surface(s.shaded(color, s.mixed(0.6, grain, streaks)), 0.95, grain, 0.004)


def _smooth_wall(s: Shader, color: Color) -> Surface:
    return Surface(s.shaded(color, s.noise(s.place, 30, 2), 0.96, 1.04), 0.9, dirt=0.08)


def _asphalt(s: Shader, color: Color) -> Surface:
    stones = s.noise(s.place, 90, 2, 0.8)
    patches = s.noise(s.place, 0.5, 3)
    return Surface(s.shaded(color, s.mixed(0.4, stones, patches), 0.6, 1.5), 0.9, stones, 0.004)


def _slabs(s: Shader, color: Color) -> Surface:
    slabs = _bricks(s, color, 0.6, 0.4, _darker(color, 0.35), 0.008)
    return Surface(
        s.mixed(0.5, slabs, s.noise(s.place, 18, 4), "OVERLAY"), 0.85, _joints(slabs), -0.008
    )


def _cobbles(s: Shader, color: Color) -> Surface:
    inputs: dict[str | int, Any] = {"Vector": s.metres, "Scale": 8.0, "Randomness": 0.75}
    cells = s.add("TexVoronoi", inputs)
    tint = s.add("HueSaturation", {"Saturation": 0.12, "Color": cells.node.outputs[1]})
    stones = s.mixed(1.0, color, s.mixed(0.7, (1.0, 1.0, 1.0), tint), "MULTIPLY")
    gaps = s.mapped(cells, 0.35, 0.6, 1.0, 0.35)
    return Surface(s.mixed(1.0, stones, gaps, "MULTIPLY"), 0.8, cells, -0.02)


def _grass(s: Shader, color: Color) -> Surface:
    blades = s.noise(s.place, 60, 3, 0.8)
    return Surface(
        s.shaded(color, s.mixed(0.5, blades, s.noise(s.place, 1.5, 4)), 0.4, 1.7),
        0.95,
        blades,
        0.03,
    )


def _tiles(s: Shader, color: Color) -> Surface:
    tiles = _bricks(s, color, 0.3, 0.22, _darker(color, 0.25), 0.012)
    return Surface(
        s.mixed(0.5, tiles, s.noise(s.metres, 7), "OVERLAY"), 0.85, _joints(tiles), -0.03
    )


def _floor_tiles(s: Shader, color: Color) -> Surface:
    straight = s.add("Mapping", {"Vector": s.metres, "Scale": (1.0, 1.0, 1.0)})
    inputs: dict[str | int, Any] = {
        "Vector": straight,
        "Color1": color,
        "Color2": _darker(color, 0.9),
        "Mortar": _darker(color, 0.45),
        "Scale": 1.0,
        "Mortar Size": 0.004,
        "Mortar Smooth": 0.2,
        "Bias": 0.0,
        "Brick Width": 0.45,
        "Row Height": 0.45,
    }
    tiles = s.add("TexBrick", inputs, offset=0.0)
    return Surface(
        s.mixed(0.25, tiles, s.noise(s.place, 6, 6), "OVERLAY"),
        0.25,
        _joints(tiles),
        -0.003,
        dirt=0.12,
    )


def _planks(s: Shader, color: Color) -> Surface:
    boards = _bricks(s, color, 1.6, 0.14, _darker(color, 0.2), 0.002)
    grain = s.noise(s.add("Mapping", {"Vector": s.metres, "Scale": (1.0, 14.0, 1.0)}), 4.0, 5, 0.65)
    return Surface(s.mixed(0.7, boards, grain, "OVERLAY"), 0.4, _joints(boards), -0.003, dirt=0.15)


def _wood(s: Shader, color: Color) -> Surface:
    grain = s.noise(s.add("Mapping", {"Vector": s.place, "Scale": (2.0, 22.0, 22.0)}), 1.5, 5, 0.6)
    return Surface(s.shaded(color, grain, 0.55, 1.35), 0.45, dirt=0.12)


def _cloth(s: Shader, color: Color) -> Surface:
    weave = s.noise(s.place, 140, 2, 0.9)
    folds = s.noise(s.place, 5, 3)
    return Surface(
        s.shaded(color, s.mixed(0.5, weave, folds), 0.55, 1.3), 1.0, folds, 0.03, dirt=0.1
    )


def _rug(s: Shader, color: Color) -> Surface:
    weave = s.add("TexMagic", {"Vector": s.metres, "Scale": 4.5, "Distortion": 1.4}, 1)
    return Surface(
        s.mixed(weave, color, _darker((0.7, 0.62, 0.5), 0.8)), 1.0, s.noise(s.place, 120, 2), 0.006
    )


def _leaves(s: Shader, color: Color) -> Surface:
    return Surface(
        s.shaded(color, s.noise(s.place, 14, 4, 0.8), 0.3, 1.8),
        0.7,
        s.noise(s.place, 9, 4),
        0.08,
        dirt=0.4,
    )


def _bark(s: Shader, color: Color) -> Surface:
    rind = s.noise(s.add("Mapping", {"Vector": s.place, "Scale": (18.0, 18.0, 3.0)}), 1.0, 4, 0.7)
    return Surface(s.shaded(color, rind, 0.4, 1.5), 0.95, rind, 0.03)


def _glass(s: Shader, color: Color) -> Surface:
    return Surface(color, 0.06, s.noise(s.place, 0.9, 1), 0.01, dirt=0.2)


def _gloss(s: Shader, color: Color) -> Surface:
    return Surface(color, 0.25, dirt=0.12)


def _metal(s: Shader, color: Color) -> Surface:
    return Surface(s.shaded(color, s.noise(s.place, 25, 3), 0.85, 1.1), 0.4, metallic=0.7)


def _plain(s: Shader, color: Color) -> Surface:
    return Surface(s.shaded(color, s.noise(s.place, _GRAIN_SIZE, 2), 0.9, 1.1), 0.7, dirt=0.15)


def _print(s: Shader, color: Color) -> Surface:
    """A poster or a painting: patches of colours that no wall has."""
    warped = s.add("TexNoise", {"Vector": s.metres, "Scale": 2.2, "Detail": 2.0}, 1)
    patches = s.add("TexVoronoi", {"Vector": warped, "Scale": 6.0}, 1)
    return Surface(s.mixed(0.45, patches, color), 0.5, dirt=0.05)


def _spines(s: Shader, color: Color) -> Surface:
    """Book covers: each its own colour."""
    stretched = s.add("Mapping", {"Vector": s.place, "Scale": (28.0, 28.0, 1.2)})
    cells = s.add("TexVoronoi", {"Vector": stretched, "Scale": 1.0}, 1)
    return Surface(
        s.mixed(
            0.35, s.add("HueSaturation", {"Saturation": 0.7, "Value": 0.6, "Color": cells}), color
        ),
        0.6,
    )


def _lamp(s: Shader, color: Color) -> Surface:
    return Surface(color, glow=9.0)


RECIPES: dict[str, Callable[[Shader, Color], Surface]] = {
    "brick": _brick,
    "ashlar": _ashlar,
    "plaster": _plaster,
    "wall": _smooth_wall,
    "asphalt": _asphalt,
    "slabs": _slabs,
    "cobbles": _cobbles,
    "grass": _grass,
    "roof": _tiles,
    "tiles": _floor_tiles,
    "planks": _planks,
    "wood": _wood,
    "cloth": _cloth,
    "rug": _rug,
    "leaves": _leaves,
    "bark": _bark,
    "glass": _glass,
    "gloss": _gloss,
    "metal": _metal,
    "plain": _plain,
    "print": _print,
    "spines": _spines,
    "lamp": _lamp,
}
