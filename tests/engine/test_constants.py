"""The constants that stand in several languages are the same: Python, C, GLSL. So are the tables' names."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from engine.kernels import constants, rasterise
from engine.render import ProxyRender
from engine.splats import Splats
from engine.tables import attributes, passes

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "engine" / "kernels"
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted(KERNELS.glob("*.[ch]")))
SHADERS = (ROOT / "anchorstage_addon" / "overlay" / "shaders.py").read_text(encoding="utf-8")

# Python's name, and C's where it is another.
IN_C = {
    "LOW_PASS": "LOW_PASS",
    "MAX_ALPHA": "MAX_ALPHA",
    "NOTHING_ALPHA": "NOTHING_ALPHA",
    "MIN_LIGHT": "MIN_LIGHT",
    "FAR_PLANE": "FAR_PLANE",
    "TILE_WIDTH": "TILE_WIDTH",
    "TILE_HEIGHT": "TILE_HEIGHT",
    "LANES": "LANES",
    "CULLED": "CULLED",
    "CHUNK_BLOCKS": "CHUNK_BLOCKS",
}


def defined(name: str) -> float:
    """The number that a `#define` gives."""
    [text] = re.findall(rf"^#define {name} (\S+(?: ?/ ?\d+\))?)", SOURCES, re.MULTILINE)
    return eval(re.sub(r"(?<=[\d.])f", "", text))


def enumerated(name: str) -> int:
    """The number that an `enum` gives."""
    [text] = re.findall(rf"\b{name} = (\d+)", SOURCES)
    return int(text)


@pytest.mark.parametrize("name", IN_C)
def test_c_has_pythons_numbers(name):
    assert defined(IN_C[name]) == pytest.approx(getattr(constants, name), rel=1e-12)


def test_c_has_pythons_layout():
    assert enumerated("PLANES") == constants.PLANES
    assert enumerated("LOG_OPACITY") == constants.LOG_OPACITY
    assert constants.CHUNK_SPLATS == constants.CHUNK_BLOCKS * constants.LANES


def structure(name: str) -> list[str]:
    """The fields of a structure of rasterise.h that are pointers, in order."""
    text = (KERNELS / "rasterise.h").read_text(encoding="utf-8")
    [body] = re.findall(r"typedef struct \{([^}]*)\} " + name + ";", text)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
    return re.findall(r"\*(\w+)", body)


def test_the_kernels_structures_are_the_tables():
    assert structure("Scene") == list(attributes.BLENDED_NAMES)
    assert structure("Passes") == [one.name for one in passes.DRAWN]
    assert [name for name, _ in rasterise.Passes._fields_] == structure("Passes")


@pytest.mark.parametrize("name", ["LOW_PASS", "FRUSTUM_MARGIN"])
def test_the_overlays_shader_has_the_renderers_numbers(name):
    assigned = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(SHADERS).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    # The shader measures from the middle of the picture, the kernels from its edge.
    from_edge = 1 if name == "FRUSTUM_MARGIN" else 0
    assert assigned[name] - from_edge == pytest.approx(getattr(constants, name))


def test_a_frame_has_the_passes_of_the_table():
    drawn = {field.name for field in fields(ProxyRender)} - {"view"}
    assert drawn == {one.name for one in passes.DRAWN}
    for one in passes.PASSES:
        is_derived = one.blending == "derived"
        assert is_derived == isinstance(vars(ProxyRender).get(one.name), property), one.name


def test_splats_have_the_attributes_of_the_table():
    names = {field.name for field in fields(Splats)}
    for one in attributes.ATTRIBUTES:
        assert (one.name in names) == (one.kind != "derived"), one.name
    assert names == {one.name for one in attributes.ATTRIBUTES if one.kind != "derived"}


def test_layers_have_names_for_every_channel():
    for layer in passes.layers():
        assert len(layer.components) == len(layer.blender_components) == layer.channels
        assert len(layer.channel_names()) == layer.channels
    names = [name for layer in passes.layers() for name in layer.channel_names()]
    assert len(names) == len(set(names))
