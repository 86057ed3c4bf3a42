"""The extension's zips: one a platform, good for every Python that a supported Blender has.

The same sources give the same bytes: names are sorted, there is one timestamp, and the kernels are
the same wherever they are built.
"""

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from engine.kernels import compiler

from .steps import BUILD, ROOT, locked, manifest, pins, quietly, step

DIST = ROOT / "dist"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip can hold
ROOT_FILES = ("__init__.py", "LICENSE", "README.md")
CODE = ("engine", "anchorstage_addon")
MODE = 0o100644 << 16  # a plain file that everyone may read, for unpackers that look
UNIX = 3  # the system of all zips, so that one made on Windows is the same
LEFT_BY_TOOLS = ("__pycache__", "lib")  # folders in CODE that are not ours


def platforms() -> list[str]:
    """Return Blender's names of the platforms we ship for."""
    return list(pins()["tool"]["anchorstage"]["platforms"])


def this_platform() -> str | None:
    """Return Blender's name of the running platform, or None if we do not ship for it."""
    targets = compiler.targets_for()
    return targets[0].platform if targets else None


def zip_path(platform: str) -> Path:
    """Return the path of a platform's zip in dist/."""
    about = manifest()
    return DIST / f"{about['id']}-{about['version']}-{platform}.zip"


def build_zip(platform: str, python: Path) -> Path:
    """Make the zip of one platform: compile, download and pack.

    Args:
        platform: One of `platforms()`.
        python: The interpreter of `.venv`, with pip and zig.

    Returns:
        The zip's path. An older zip there is replaced whole, or not at all.
    """
    kernels(compiler.targets_for([platform]), python)
    wheels = fetch_wheels(platform, python)
    output = zip_path(platform)
    with step(f"Packing {output.relative_to(ROOT)}"):
        DIST.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=DIST, prefix=".packing-") as folder:
            temporary = Path(folder) / output.name
            _write(temporary, dict(_contents(platform, wheels)))
            os.replace(temporary, output)
    return output


def kernels(targets: list[compiler.Target], python: Path) -> None:
    """Compile the kernels that are out of date."""
    with locked():
        if compiler.stale(targets, str(python)):
            machines = dict.fromkeys(target.machine for target in targets)
            with step(f"Compiling the kernels ({', '.join(machines)})"):
                compiler.build(targets, str(python))


def fetch_wheels(platform: str, python: Path) -> list[Path]:
    """Return the wheels that the zip carries, from `build/wheels` or downloaded to there."""
    wanted = _wanted(platform)
    # the folder's name changes with the pins, so that old wheels are never packed
    digest = hashlib.sha256(repr(wanted).encode()).hexdigest()[:12]
    folder = BUILD / "wheels" / f"{platform}-{digest}"
    with locked():
        if not folder.is_dir():
            with step(f"Downloading the wheels for {platform}"):
                _download(wanted, folder, python)
    return sorted(folder.glob("*.whl"))


def _wanted(platform: str) -> list[list[str]]:
    """Return for each wheel the arguments of pip that name it."""
    own = pins()["tool"]["anchorstage"]
    dependencies = pins()["project"]["dependencies"]
    pinned = {spec.partition("==")[0]: spec for spec in dependencies}
    tags: list[str] = []
    for tag in own["platforms"][platform]:
        tags += ["--platform", tag]
    wanted = []
    for name, abis in own["wheels"].items():
        for abi in abis:
            # "cp313" is of Python 3.13; a wheel of the stable ABI serves all from 3.11 on
            python_version = "311" if abi == "abi3" else abi.removeprefix("cp")
            arguments = [
                "--implementation",
                "cp",
                "--python-version",
                python_version,
                "--abi",
                abi,
            ]
            wanted.append([*arguments, *tags, pinned[name]])
    return wanted


def _download(wanted: list[list[str]], folder: Path, python: Path) -> None:
    """Download the wheels into a folder, which appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".downloading-"))
    pip = [
        python,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ]
    try:
        for arguments in wanted:
            quietly([*pip, "--dest", temporary, *arguments], f"Downloading {arguments[-1]}")
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _contents(platform: str, wheels: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of the zip."""
    yield "blender_manifest.toml", _manifest_for(platform, wheels).encode()
    for name in ROOT_FILES:
        if (ROOT / name).is_file():
            yield name, (ROOT / name).read_bytes()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and _is_ours(path.relative_to(ROOT)):
                yield path.relative_to(ROOT).as_posix(), path.read_bytes()
    for target in compiler.targets_for([platform]):
        library = compiler.LIBRARIES / target.filename
        yield f"engine/kernels/lib/{target.filename}", library.read_bytes()
    for wheel in wheels:
        yield f"wheels/{wheel.name}", wheel.read_bytes()


def _is_ours(path: Path) -> bool:
    """Return False for files that Python, an editor or the compiler has left there."""
    return not any(part.startswith(".") or part in LEFT_BY_TOOLS for part in path.parts)


def _manifest_for(platform: str, wheels: list[Path]) -> str:
    """Return the manifest with the two keys that differ between zips.

    They stand before its first table, as TOML demands.
    """
    text = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    head, table, tail = text.partition("\n[")
    listed = "".join(f'    "./wheels/{wheel.name}",\n' for wheel in wheels)
    return f'{head}\nplatforms = ["{platform}"]\nwheels = [\n{listed}]\n{table}{tail}'


def _write(output: Path, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(output, "w") as archive:
        for name in sorted(contents):
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = UNIX
            info.external_attr = MODE
            # a wheel is a zip already
            is_wheel = name.endswith(".whl")
            info.compress_type = zipfile.ZIP_STORED if is_wheel else zipfile.ZIP_DEFLATED
            archive.writestr(info, contents[name])
