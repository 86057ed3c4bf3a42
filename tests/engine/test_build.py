"""build.py: the kernels it compiles, the zip it packs, and what a wrong Python is told."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from engine import kernels
from engine.errors import KernelError
from engine.kernels import compiler
from engine.version import version
from tools import environments, package
from tools.shared import shared
from tools.steps import BuildError, manifest

ROOT = Path(__file__).resolve().parents[2]
LEVELS = ["plain", "v3"]
MOST_MEGABYTES = 100  # what a zip of one platform may weigh (docs/architecture.md)


@pytest.fixture
def load(monkeypatch):
    """`kernels.load` as in a fresh process, with ANCHORSTAGE_KERNELS as told."""

    def fresh(level=None):
        kernels.load.cache_clear()
        if level is None:
            monkeypatch.delenv("ANCHORSTAGE_KERNELS", raising=False)
        else:
            monkeypatch.setenv("ANCHORSTAGE_KERNELS", level)
        return kernels.load()

    yield fresh
    kernels.load.cache_clear()


def only_where_v3_runs(load):
    if not load("plain").anchorstage_runs_v3():
        pytest.skip("this processor is not of level v3")


def test_kernels_load_and_are_of_this_code(load):
    assert load().anchorstage_abi() == kernels.ABI


def test_kernels_of_both_levels_can_be_forced(load):
    only_where_v3_runs(load)
    assert Path(load("v3")._name).stem.endswith("-v3")
    assert not Path(load("plain")._name).stem.endswith("-v3")
    assert load()._name == load("v3")._name


def test_an_unknown_level_is_told_what_to_set(load):
    with pytest.raises(KernelError, match="plain or v3"):
        load("avx512")


def test_missing_kernels_say_how_to_get_them(load, monkeypatch, tmp_path):
    monkeypatch.setattr(kernels, "LIBRARIES", tmp_path)
    with pytest.raises(KernelError, match=r"build\.py kernels"):
        load()


def test_kernels_of_another_version_are_refused(load, monkeypatch):
    monkeypatch.setattr(kernels, "ABI", kernels.ABI + 1)
    with pytest.raises(KernelError, match="another version"):
        load()


def test_a_library_that_is_none_is_refused(load, monkeypatch, tmp_path):
    for target in compiler.targets_for():
        (tmp_path / target.filename).write_bytes(b"not a library")
    monkeypatch.setattr(kernels, "LIBRARIES", tmp_path)
    with pytest.raises(KernelError, match="cannot be loaded"):
        load()


@pytest.fixture
def small_sources(monkeypatch, tmp_path):
    """A folder with abi.c alone, compiled in a moment."""
    sources = tmp_path / "sources"
    sources.mkdir()
    shutil.copy(compiler.SOURCES / "abi.c", sources)
    monkeypatch.setattr(compiler, "SOURCES", sources)
    return sources


def test_kernels_are_compiled_when_sources_change_and_not_else(small_sources, tmp_path):
    [target, *_] = compiler.targets_for()
    library = tmp_path / "lib" / target.filename
    assert compiler.build([target], folder=tmp_path / "lib") == [target.filename]
    assert compiler.build([target], folder=tmp_path / "lib") == []
    before = library.read_bytes()
    (small_sources / "more.c").write_text(
        "int anchorstage_more(void);\nint anchorstage_more(void) { return 7; }\n"
    )
    assert compiler.build([target], folder=tmp_path / "lib") == [target.filename]
    assert library.read_bytes() != before
    library.unlink()
    assert compiler.build([target], folder=tmp_path / "lib") == [target.filename]


def test_a_refused_source_leaves_the_library_that_was_there(small_sources, tmp_path):
    [target, *_] = compiler.targets_for()
    compiler.build([target], folder=tmp_path / "lib")
    before = (tmp_path / "lib" / target.filename).read_bytes()
    (small_sources / "abi.c").write_text("int anchorstage_abi(void) { int unused; return 1; }\n")
    with pytest.raises(compiler.CompileError, match="unused"):
        compiler.build([target], folder=tmp_path / "lib")
    assert (tmp_path / "lib" / target.filename).read_bytes() == before
    assert compiler.stale([target], folder=tmp_path / "lib") == [target]


@pytest.mark.slow
def test_every_platform_compiles_and_exports_the_kernels():
    compiler.build(list(compiler.TARGETS))
    for target in compiler.TARGETS:
        library = (compiler.LIBRARIES / target.filename).read_bytes()
        assert b"anchorstage_abi" in library, target.filename


def test_the_same_source_gives_the_same_library(small_sources, tmp_path):
    [target, *_] = compiler.targets_for()
    libraries = []
    for name in ("first", "second"):
        compiler.build([target], folder=tmp_path / name)
        libraries.append((tmp_path / name / target.filename).read_bytes())
    assert libraries[0] == libraries[1]


def test_the_version_stands_in_the_manifest_alone():
    assert version() == manifest()["version"] == metadata.version("anchorstage")
    stated = [
        path
        for path in (ROOT / "pyproject.toml", ROOT / "setup.py")
        if f'"{version()}"' in path.read_text()
    ]
    assert not stated


def test_a_wrong_python_is_told_the_remedy_and_nothing_is_made(tmp_path):
    code = (
        "import sys, runpy; sys.version_info = (3, 9, 1, 'final', 0);"
        "sys.argv = ['build.py', 'test'];"
        f"runpy.run_path(r'{ROOT / 'build.py'}', run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "Python 3.11" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["package", "--platform", "amiga"], ["demo", "no such photo.jpg"]],
)
def test_bad_arguments_end_with_2(arguments):
    command = [sys.executable, ROOT / "build.py", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert result.stderr


def test_an_environment_whose_making_was_killed_is_made_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    # pip is in every new environment, so that this installs nothing and needs no network
    made = environments.Environment(tmp_path / "env", ("--no-index", "pip"), "pins 1", "import pip")
    made.folder.mkdir()
    (made.folder / environments.UNFINISHED).touch()
    (made.folder / "rubbish").touch()
    assert environments.ensure(made) == made.python
    assert made.ready()
    assert {path.name for path in made.folder.glob("*")} & {
        "rubbish",
        environments.UNFINISHED,
    } == set()


def test_an_environment_for_other_pins_is_kept_and_completed(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    old = environments.Environment(tmp_path / "env", ("--no-index", "pip"), "pins 1", "import pip")
    environments.ensure(old)
    (old.folder / "kept").touch()
    new = environments.Environment(old.folder, old.requirements, "pins 2", old.check)
    assert not new.ready()
    environments.ensure(new)
    assert new.ready()
    assert (old.folder / "kept").exists()


def test_an_environment_that_does_not_work_is_not_stamped(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    broken = environments.Environment(
        tmp_path / "env", ("--no-index", "pip"), "pins", "import no_such_module"
    )
    with pytest.raises(BuildError, match="does not work"):
        environments.ensure(broken)
    assert not broken.ready()


@pytest.fixture
def pythons(monkeypatch, tmp_path):
    """`python_3_13` asked anew on a machine that has these interpreters alone."""

    def only(*interpreters):
        environments.python_3_13.cache_clear()
        monkeypatch.setattr(environments, "_candidates", lambda: iter(interpreters))

    yield only
    environments.python_3_13.cache_clear()


def test_blenders_of_another_python_are_left_out_with_a_sentence_where_it_is_missing(pythons):
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["anchorstage"]
    pythons()
    assert environments.blender_versions() == own["bpy"]
    assert environments.versions_left_out() == own["bpy-python-3-13"] == ["5.2.3", "5.3.0"]
    assert "5.2.3 and 5.3.0" in environments.left_out_sentence()
    assert "\n" not in environments.left_out_sentence()
    with pytest.raises(BuildError, match=r"bpy==5\.3\.0 needs Python 3\.13"):
        environments.blender("5.3.0")


def test_a_python_counts_only_if_it_starts_and_is_the_one(pythons, tmp_path):
    shim = tmp_path / "python3.13"  # as pyenv's own where it has no such Python
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    no_program = tmp_path / "empty"
    no_program.write_text("")
    pythons(shim, no_program, tmp_path / "nowhere", Path(sys.executable))
    assert environments.python_3_13() is None


def test_blenders_are_made_with_the_python_of_their_wheel(pythons, tmp_path, monkeypatch):
    good = tmp_path / "python3.13"
    good.write_text("#!/bin/sh\nexit 0\n")
    good.chmod(0o755)
    pythons(good)
    assert environments.versions_left_out() == []
    assert environments.left_out_sentence() == ""
    assert environments.blender_versions()[-1] == "5.3.0"
    newest = environments.blender("5.3.0")
    assert (newest.folder.name, newest.interpreter) == ("bpy-5.3", good)
    assert environments.blender("5.0.1").interpreter is None


def test_pythons_are_looked_for_on_the_path_and_under_pyenv(tmp_path, monkeypatch):
    on_path, under_pyenv = (
        tmp_path / "bin" / "python3.13",
        tmp_path / "pyenv" / "versions" / "3.13.7" / "bin" / "python3.13",
    )
    for python in (on_path, under_pyenv):
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\n")
        python.chmod(0o755)
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert list(environments._candidates()) == [on_path, under_pyenv]


def test_shared_material_is_found_by_one_variable_alone(tmp_path, monkeypatch):
    (tmp_path / "photos" / "measured").mkdir(parents=True)
    monkeypatch.setenv("ANCHORSTAGE_SHARED", str(tmp_path))
    assert shared("photos/measured") == tmp_path / "photos" / "measured"
    assert shared("real-blender") is None
    monkeypatch.delenv("ANCHORSTAGE_SHARED")
    assert shared("photos/measured") is None


def test_the_zip_holds_what_blender_needs_and_no_more(package_zip):
    names = set(zipfile.ZipFile(package_zip).namelist())
    libraries = {f"engine/kernels/lib/{target.filename}" for target in compiler.targets_for()}
    assert {
        *package.ROOT_FILES,
        "blender_manifest.toml",
        "engine/cli/main.py",
        "engine/depth/builtin/weights/depth.npz",
        "anchorstage_addon/__init__.py",
    } <= names
    assert {name for name in names if name.startswith("engine/kernels/lib/")} == libraries
    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        *package.ROOT_FILES,
        "blender_manifest.toml",
        "engine",
        "anchorstage_addon",
        "wheels",
    }
    assert not [
        name
        for name in names
        if "__pycache__" in name or "/." in name or name.endswith((".pyc", ".stamp"))
    ]
    assert package_zip.stat().st_size < MOST_MEGABYTES * 1e6


def test_the_zips_manifest_is_ours_with_platform_and_wheels(package_zip):
    archive = zipfile.ZipFile(package_zip)
    packed = tomllib.loads(archive.read("blender_manifest.toml").decode())
    wheels = packed.pop("wheels")
    assert packed.pop("platforms") == [package.this_platform()]
    assert packed == manifest()
    assert {f"./{name}" for name in archive.namelist() if name.startswith("wheels/")} == set(wheels)
    tags = {Path(wheel).name.rsplit("-", 3)[1] for wheel in wheels if "openexr" in wheel.lower()}
    assert tags == {"cp311", "cp313", "cp314"}


def test_packing_again_gives_the_same_bytes(package_zip):
    before = package_zip.read_bytes()
    again = package.build_zip(package.this_platform(), Path(sys.executable))
    assert again == package_zip
    assert again.read_bytes() == before


def test_blenders_own_validator_accepts_the_zip(package_zip):
    inside = "lib/python*/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    validators = sorted((ROOT / ".blenders").glob(f"bpy-*/{inside}"))
    if not validators:
        pytest.skip("no bpy wheel is set up; `build.py test` without --quick does")
    for validator in validators:
        command = [sys.executable, validator, "validate", package_zip]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
