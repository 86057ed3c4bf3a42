"""The numbers that C, Python, the overlay's shaders and the tables have in common stand equal."""

import ast
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from engine.kernels import backward, constants, rasterise
from engine.render import ProxyRender
from engine.splats.record import Splats
from engine.tables import attributes, passes

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "engine" / "kernels"
SHADERS = ROOT / "anchorstage_addon" / "overlay" / "shaders.py"
TEXTURES = ROOT / "anchorstage_addon" / "overlay" / "textures.py"

# Constants of Python that C does not have under the same name.
PYTHON_ONLY = {"NEAREST", "FRUSTUM_MARGIN", "LEAST_ROTATION", "LARGEST_ROTATION", "CHUNK_SPLATS"}


# A number or a quotient as C and the shaders write it: `0.3f`, `(1.0f / 255)`.
NUMBER = re.compile(r"\(?(-?\d[\d.]*(?:e-?\d+)?)f?(?: / ([\d.]+))?\)?")


def number(text: str) -> float | None:
    """The value of a constant; None where it is more than a number or a quotient."""
    match = NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    numerator, denominator = match.groups()
    return float(numerator) / float(denominator or 1)


def c_constants() -> dict[str, float | None]:
    """The numbers that the C sources name: #define, static const and enum."""
    values: dict[str, float | None] = {}
    for path in sorted([*KERNELS.glob("*.h"), *KERNELS.glob("*.c")]):
        text = without_comments(path.read_text(encoding="utf-8"))
        defines = re.findall(r"^#define (\w+) +(\S[^\n]*)$", text, re.MULTILINE)
        fixed = re.findall(r"^static const \w+ (\w+) = ([^;]+);", text, re.MULTILINE)
        for name, value in [*defines, *fixed]:
            # The first one is not a build's own choice.
            values.setdefault(name, number(value))
        for names in re.findall(r"^enum \{([^}]*)\};", text, re.MULTILINE):
            values.update(enumerated(names))
    return values


def without_comments(source: str) -> str:
    """A C file's text without its comments."""
    return re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)


def enumerated(names: str) -> dict[str, int]:
    """The values of an enum: one more than the one before, or what stands behind `=`."""
    values: dict[str, int] = {}
    next_value = 0
    for entry in names.split(","):
        name, _, start = (part.strip() for part in entry.partition("="))
        if start:  # `12`, `NORMAL` or `NORMAL + 3`
            base, _, more = (part.strip() for part in start.partition("+"))
            next_value = (values[base] if base in values else int(base)) + int(more or 0)
        values[name] = next_value
        next_value += 1
    return values


def python_constants(module: ModuleType) -> dict[str, float]:
    """The numbers that a module names."""
    return {name: value for name, value in vars(module).items() if name.isupper()}


C = c_constants()


@pytest.mark.parametrize("name", sorted(set(python_constants(constants)) - PYTHON_ONLY))
def test_pythons_constant_is_cs(name):
    value = getattr(constants, name)
    if isinstance(value, int):
        assert C[name] == value
    else:
        assert np.float32(C[name]) == np.float32(value)


def test_the_log_of_the_alpha_threshold_is_its_log():
    assert C["LOG_MIN_ALPHA"] == pytest.approx(np.log2(constants.NOTHING_ALPHA), rel=1e-7)


def test_chunks_are_blocks_of_lanes():
    assert constants.CHUNK_SPLATS == C["CHUNK_BLOCKS"] * C["LANES"] == rasterise.CHUNK_SPLATS


def test_a_rotation_has_cs_bounds():
    text = (KERNELS / "rasterise.c").read_text(encoding="utf-8")
    [(least, largest)] = re.findall(r"square > (\S+) && square < ([^)]+)\)", text)
    assert float(least) == constants.LEAST_ROTATION
    assert float(largest) == constants.LARGEST_ROTATION


def test_the_doors_hand_on_the_constants():
    for name in ("TILE_WIDTH", "TILE_HEIGHT", "LANES", "PLANES", "LOG_OPACITY", "CULLED"):
        assert getattr(rasterise, name) == getattr(constants, name)
    assert backward.SUMS == constants.SUMS


def written(path: Path) -> dict[str, str]:
    """The constants of a module of the add-on, which cannot be imported here, as text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        target.id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def test_the_overlay_draws_with_the_kernels_constants():
    shaders = written(SHADERS)
    assert number(shaders["LOW_PASS"]) == constants.LOW_PASS
    assert number(shaders["ALPHA_CAP"]) == constants.MAX_ALPHA
    assert number(ast.literal_eval(shaders["ALPHA_CUT"])) == constants.NOTHING_ALPHA
    # Measured from the middle of the picture there, from its edge here.
    assert number(shaders["FRUSTUM_MARGIN"]) == 1 + constants.FRUSTUM_MARGIN
    assert number(written(TEXTURES)["VISIBLE_OPACITY"]) == constants.NOTHING_ALPHA


def members(header: str, name: str) -> list[tuple[str, str]]:
    """Types and names of a C structure's members, in their order."""
    text = without_comments((KERNELS / header).read_text(encoding="utf-8"))
    [body] = re.findall(r"typedef struct \{([^}]*)\} " + name + ";", text)
    pairs = []
    for line in filter(None, map(str.strip, body.split(";"))):
        kind, names = re.fullmatch(r"(?:const )?(\w+) (.*)", line, re.DOTALL).groups()
        pairs += [(kind, member.strip().lstrip("*")) for member in names.split(",")]
    return pairs


# C's names of NumPy's types.
TYPES = {"float": "float32", "int32_t": "int32", "int8_t": "int8", "uint8_t": "uint8"}
TYPES |= {"uint16_t": "uint16", "uint32_t": "uint32"}


def test_the_kernels_passes_are_those_of_the_table():
    ours = [(each.dtype, each.name) for each in passes.DRAWN]
    assert ours == [(TYPES[kind], name) for kind, name in members("rasterise.h", "Passes")]
    assert [name for name, _ in rasterise.Passes._fields_] == [name for _, name in ours]


def test_the_kernels_scene_is_that_of_the_table():
    ours = [(each.dtype, each.name) for each in attributes.BLENDED]
    assert ours == [(TYPES[kind], name) for kind, name in members("rasterise.h", "Scene")]
    assert [name for name, _ in rasterise.Scene._fields_] == [name for _, name in ours]


def test_a_record_is_cs():
    ours = [(str(rasterise.RECORD[name]), name) for name in rasterise.RECORD.names]
    assert ours == [(TYPES[kind], name) for kind, name in members("rasterise.h", "Record")]


def test_a_render_has_the_tables_passes():
    drawn = [field.name for field in fields(ProxyRender) if field.name != "view"]
    assert drawn == [each.name for each in passes.DRAWN]
    derived = [each.name for each in passes.PASSES if each.blending == "derived"]
    assert all(isinstance(getattr(ProxyRender, name), property) for name in derived)
    assert sorted(drawn + derived) == sorted(each.name for each in passes.PASSES)


def test_the_splats_have_the_kernels_attributes():
    names = {field.name for field in fields(Splats)}
    for each in (*attributes.PREPARED, *attributes.BLENDED):
        assert each.name in names or each.kind == "derived"
