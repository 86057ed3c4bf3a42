"""The walls of the house, proved on the syntax of every file: who may import whom."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ENGINE = sorted((ROOT / "engine").rglob("*.py"))
ADDON = sorted((ROOT / "anchorstage_addon").rglob("*.py"))
BLENDER = {
    "bpy",
    "gpu",
    "gpu_extras",
    "blf",
    "bl_ui",
    "mathutils",
    "bpy_extras",
    "addon_utils",
    "bl_operators",
    "bmesh",
}
# Every file with Python in it that is ours.
HOUSE = sorted(
    path
    for folder in (
        "engine",
        "anchorstage_addon",
        "training",
        "tools",
        "benchmarks",
        "demo",
        "tests",
    )
    for path in (ROOT / folder).rglob("*.py")
)
ENGINE_PACKAGES = {"numpy", "cv2", "OpenEXR"}
# Not in the zip: for the files that docs/architecture.md names.
AI_PACKAGES = {"torch", "gsplat", "transformers", "safetensors", "huggingface_hub", "sharp"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def rooms() -> list[str]:
    """The rooms from left to right, as docs/architecture.md lists them: the ground floor, then the arrows."""
    [ground] = re.findall(r"^Ground floor[^`]*`([^`]+)`", ARCHITECTURE, re.MULTILINE)
    [arrows] = re.findall(r"^`image` → .*$", ARCHITECTURE, re.MULTILINE)
    return ground.split() + re.findall(r"`(\w+)`", arrows)


def may_import_torch(path: Path) -> bool:
    """Whether this is a file, or in a folder, behind which docs/architecture.md puts torch and gsplat."""
    [places] = re.findall(r"^torch and gsplat stand behind (.+)\.$", ARCHITECTURE, re.MULTILINE)
    return relative(path).startswith(tuple(re.findall(r"`(engine/[^`]+)`", places)))


class Import(NamedTuple):
    module: str  # dotted and absolute: "engine.camera", "numpy.linalg"
    level: int  # dots of a relative import
    line: int


def imports(source: str, module: str) -> Iterator[Import]:
    """Every import statement of a file, those inside functions too; `module` is "engine.depth.sky"."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, 0, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(module.split(".")[: -node.level]) if node.level else ""
            target = ".".join(filter(None, [base, node.module]))
            if node.module and not (node.level and target == module.split(".")[0]):
                yield Import(target, node.level, node.lineno)
            else:  # `from .. import depth, image`: each name is a module
                yield from (
                    Import(f"{target}.{alias.name}", node.level, node.lineno)
                    for alias in node.names
                )


def imports_of(path: Path) -> list[Import]:
    parts = (
        path.relative_to(ROOT).with_suffix("").parts
    )  # a package's __init__ is `engine.depth.__init__`: one dot strips it
    return list(imports(path.read_text(encoding="utf-8"), ".".join(parts)))


def own_room(path: Path) -> str:
    return path.relative_to(ROOT / "engine").parts[0].removesuffix(".py")


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_the_parser_sees_what_it_must():
    source = "import bpy.types\ndef f():\n  from ..camera import View\n  from .. import depth, image\n  from . import sky\n"
    found = [entry.module for entry in imports(source, "engine.render.tiles")]
    assert found == [
        "bpy.types",
        "engine.camera",
        "engine.depth",
        "engine.image",
        "engine.render.sky",
    ]


def test_architecture_lists_every_room_once():
    listed = rooms()
    there = {own_room(path) for path in ENGINE} - {"__init__", "__main__"}
    assert len(listed) == len(set(listed))
    assert there <= set(listed), (
        f"docs/architecture.md does not say where these stand: {sorted(there - set(listed))}"
    )


@pytest.mark.parametrize("path", ENGINE, ids=relative)
def test_engine_rooms_import_only_rooms_to_their_left(path):
    own = own_room(path)
    listed = rooms()
    allowed = {
        own,
        *(listed if own == "__main__" else listed[: listed.index(own)] if own in listed else ()),
    }
    for entry in imports_of(path):
        if not entry.level:
            continue
        assert entry.module.startswith("engine."), f"{path}:{entry.line} reaches out of the engine"
        assert room_of(entry.module) in allowed, (
            f"{path}:{entry.line}: {own} must not import {entry.module}"
        )


@pytest.mark.parametrize("path", ENGINE, ids=relative)
def test_engine_imports_only_its_packages_and_itself_relatively(path):
    packages = ENGINE_PACKAGES | (AI_PACKAGES if may_import_torch(path) else set())
    for entry in imports_of(path):
        top = entry.module.partition(".")[0]
        assert entry.level or top in sys.stdlib_module_names | packages, (
            f"{path}:{entry.line} imports {entry.module}"
        )


@pytest.mark.parametrize("path", ADDON, ids=relative)
def test_addon_imports_only_blender_numpy_and_itself(path):
    for entry in imports_of(path):
        where = f"{path}:{entry.line} imports {entry.module}"
        top = entry.module.partition(".")[0]
        if not entry.level:
            assert top in sys.stdlib_module_names | BLENDER | {"numpy"}, where
        elif top != "anchorstage_addon":
            # Tables are the engine's and the add-on's; its server runs in Blender's own process
            # through the link alone.
            shared = entry.module.startswith("engine.tables")
            door = path.parent.name == "link" and entry.module == "engine.wire.pipe"
            assert shared or door, where


# ---------------------------------------------------------------- circles


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in [*ENGINE, *ADDON, *(ROOT / "training").rglob("*.py")]}


def file_of(module: str) -> str | None:
    """The module of ours that a name stands for: itself, or the one that holds it."""
    while module and module not in MODULES:
        module = module.rpartition(".")[0]
    return module or None


def needs_of(module: str) -> set[str]:
    """The files that a file imports, inside functions too."""
    found = {file_of(entry.module) for entry in imports_of(MODULES[module])}
    return {other for other in found if other and other != module}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A way that leads back to where it began; empty where there is none."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        done.add(module)
        for other in sorted(graph[module]):
            if found := walk(other, [*way, module]):
                return found
        return []

    return next((found for module in sorted(graph) if (found := walk(module, []))), [])


def test_the_search_finds_circles():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_circle_between_files():
    graph = {module: needs_of(module) for module in MODULES}
    assert len(graph) > 100
    assert circle(graph) == []


# ---------------------------------------------------------------- thin faces


def loaded_by(module: str) -> tuple[set[str], set[str]]:
    """What importing a module loads: modules of ours with their packages, and what else they import at their top."""
    ours: set[str] = set()
    others: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        parts = name.split(".")
        for known in (".".join(parts[: i + 1]) for i in range(len(parts))):
            if known in ours or known not in MODULES:
                continue
            ours.add(known)
            for entry in top_imports(MODULES[known]):
                found = file_of(entry.module)
                if found:
                    waiting.append(found)
                else:
                    others.add(entry.module.partition(".")[0])
    return ours, others


def top_imports(path: Path) -> Iterator[Import]:
    """The imports that run when a file is loaded: not those in functions, nor those for the type checker alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    parts = path.relative_to(ROOT).with_suffix("").parts
    yield from imports(ast.unparse(tree), ".".join(parts))


RECORDS = [
    "engine.depth",
    "engine.depth.record",
    "engine.export",
    "engine.formats",
    "engine.lift",
    "engine.makers",
    "engine.makers.options",
    "engine.models.registry",
    "engine.regions",
    "engine.regions.record",
    "engine.render",
    "engine.render.record",
    "engine.render.levels",
    "engine.render.levels.record",
    "engine.scene",
    "engine.scene.record",
    "engine.splats",
    "engine.splats.record",
]


@pytest.mark.parametrize("module", RECORDS)
def test_a_record_is_cheap_to_name(module):
    ours, others = loaded_by(module)
    assert module in ours
    assert not others & ({"cv2", "OpenEXR"} | AI_PACKAGES), f"{module} loads {others}"
    networks = {
        name for name in ours if name.startswith(("engine.depth.builtin", "engine.depth.learned"))
    }
    assert not networks


def test_the_splats_load_few_files():
    ours, _ = loaded_by("engine.splats.record")
    assert len(ours) <= 20, sorted(ours)


def test_what_is_loaded_is_what_the_syntax_says():
    code = """
import sys, engine.scene.record, engine.render.record, engine.splats.record
sys.exit(", ".join({"cv2", "OpenEXR", "torch"} & set(sys.modules)) or 0)
"""
    result = fresh(code)
    assert result.returncode == 0, result.stderr


# ---------------------------------------------------------------- what stays outside


def test_the_engine_knows_nothing_of_its_training():
    for path in [*ENGINE, *ADDON]:
        for entry in imports_of(path):
            assert entry.module.partition(".")[0] not in ("training", "tools", "benchmarks"), path


# A path that leads out of the repository: one of a machine, or one above the root.
OUTSIDE = re.compile(r"\.\./shared|ROOT\.parent\b|/work/|/home/\w|/Users/\w")


def outside(text: str) -> list[str]:
    return [line for line in text.splitlines() if OUTSIDE.search(line)]


def test_no_path_leads_out_of_the_repository():
    mine = Path(__file__).resolve()
    files = [*HOUSE, ROOT / "build.py", *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    for path in files:
        if path.resolve() != mine:
            found = outside(path.read_text(encoding="utf-8"))
            assert not found, f"{relative(path)}: {found}"


def test_ci_names_the_shared_folder_once():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if "../shared" in line]
    assert len(named) == 1
    assert "ANCHORSTAGE_SHARED" in named[0]


@pytest.mark.parametrize("path", [*ENGINE, *ADDON], ids=relative)
def test_nothing_prints_but_the_command_line(path):
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    lines = [
        call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"
    ]
    assert not lines or relative(path) == "engine/cli/main.py", (
        f"{path}:{lines} prints; use logging"
    )


def fresh(code: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_line_loads_neither_blender_nor_torch():
    code = "import sys, engine.cli.main; sys.exit(', '.join({'bpy', 'torch', 'anchorstage_addon'} & set(sys.modules)) or 0)"
    result = fresh(code)
    assert result.returncode == 0, result.stderr


def test_the_extension_imports_nothing_before_blender_registers_it():
    code = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("anchorstage", r"{ROOT / "__init__.py"}", submodule_search_locations=[r"{ROOT}"])
door = sys.modules["anchorstage"] = importlib.util.module_from_spec(spec)
class Refuse:
    def find_spec(self, name, path=None, target=None):
        raise SystemExit("imports " + name)
sys.meta_path.insert(0, Refuse())
spec.loader.exec_module(door)
assert callable(door.register) and callable(door.unregister)
"""
    result = fresh(code)
    assert result.returncode == 0, result.stderr
