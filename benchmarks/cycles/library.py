"""The scenes on disk: made where a bpy wheel is, read where they are.

build/cycles/raw/NAME holds what Blender wrote, build/cycles/NAME what is made of it: photo.jpg,
MOVE.png (the true views) and MOVE.npz (`depth` planar metres, inf in the sky; `normal` in the
world). A key of the code that made them, without its comments, and of the scene's own numbers says
whether they still hold.
"""

import ast
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import OpenEXR

from benchmarks import timing
from engine import exr
from engine.camera import View
from tools import environments
from tools.steps import ROOT, pins

from . import develop
from .catalogue import MOVES, PHOTO, SCENES, VIEW_PART, Move, Scene

FOLDER = ROOT / "build" / "cycles"
_HERE = Path(__file__).parent
_SKY = 1e9  # metres; Cycles writes 1e10 where there is nothing
_KEPT = (["Combined"], ["Depth"], ["Normal"])  # passes
_SECONDS = 1800  # after which a scene's rendering is given up


@dataclass(frozen=True, eq=False)
class Picture:
    """What is seen from one place, and what is true of it. Pixels are those of `view`."""

    view: View  # in the place's own world: gravity is -Z, the ground z = 0
    colours: np.ndarray = field(repr=False)  # (H, W, 3) float32, sRGB-encoded
    depth: np.ndarray = field(repr=False)  # (H, W) float32, planar metres, inf in the sky
    normal: np.ndarray = field(repr=False)  # (H, W, 3) float32, world, unit; 0 in the sky

    @property
    def planes(self) -> np.ndarray:
        """(H, W, 4) float32: the plane a x + b y + c z + d = 0, world metres, of what each pixel shows; 0 in the sky."""
        solid = np.isfinite(self.depth)
        points = self.view.unproject(np.where(solid, self.depth, 1.0))
        offsets = -(self.normal * points).sum(axis=-1, keepdims=True)
        return np.where(
            solid[..., None], np.concatenate([self.normal, offsets], axis=-1), 0
        ).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Made:
    """A scene with its photo and its true views."""

    scene: Scene
    folder: Path
    median_depth: float  # metres, what moves are parts of

    @property
    def photo_path(self) -> Path:
        """The JPEG, with the focal length in its EXIF."""
        return self.folder / "photo.jpg"

    def picture(self, move: Move) -> Picture:
        """What is seen after a move."""
        with np.load(self.folder / f"{move.name}.npz") as truth:
            depth, normal = truth["depth"], truth["normal"].astype(np.float32)
        file = self.photo_path if move == PHOTO else self.folder / f"{move.name}.png"
        stored = np.asarray(cv2.imread(str(file)), np.uint8)
        colours = stored[..., ::-1].astype(np.float32) / 255
        pose = move.pose(self.scene.view, self.median_depth)
        height, width = depth.shape
        return Picture(
            replace(self.scene.view.resized(width, height), world_from_camera=pose),
            colours,
            depth,
            normal,
        )


def scenes() -> list[Made]:
    """All scenes; those that are not there are made, or left out where no bpy wheel is (`python build.py test` gets one)."""
    return [made for made in map(ensure, SCENES) if made is not None]


def ensure(scene: Scene) -> Made | None:
    """One scene, made where it is not there or no longer what the code makes; None where it cannot be made."""
    raw, folder = FOLDER / "raw" / scene.name, FOLDER / scene.name
    if _key_in(raw) != key(scene):
        python = environments.blender(pins()["tool"]["anchorstage"]["bpy"][-1]).python
        if not python.exists():
            timing.say(f"no {python.relative_to(ROOT)}: without the Cycles scene {scene.name}")
            return None
        timing.say(f"rendering the scene {scene.name}")
        _render(python, scene, raw)
    developed = f"{key(scene)} {_code((_HERE / 'develop.py',))}"
    if _key_in(folder) != developed:
        _develop(scene, raw, folder)
        (folder / "key.txt").write_text(developed, encoding="ascii")
    return Made(scene, folder, float((raw / "depth.txt").read_text(encoding="ascii")))


def key(scene: Scene) -> str:
    """Of everything that a scene's pictures depend on."""
    code = _code((_HERE / "catalogue.py", *sorted((_HERE / "blender").glob("*.py"))))
    version = pins()["tool"]["anchorstage"]["bpy"][-1]
    return hashlib.sha256(f"{code} {version} {scene}".encode()).hexdigest()[:16]


@cache
def _code(paths: tuple[Path, ...]) -> str:
    """A digest of what Python files do: their syntax trees without docstrings, and without the list of scenes."""
    digest = hashlib.sha256()
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [part for part in body if not _says_nothing(part)]  # type: ignore[attr-defined]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def _says_nothing(node: ast.AST) -> bool:
    """A docstring, or the catalogue's list, each of whose scenes is in its own key."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "SCENES"
    )


def _key_in(folder: Path) -> str:
    file = folder / "key.txt"
    return file.read_text(encoding="ascii") if file.is_file() else ""


def _render(python: Path, scene: Scene, raw: Path) -> None:
    """In a process of its own, on one thread; whole or not at all."""
    shutil.rmtree(raw, ignore_errors=True)
    command = [str(python), "-m", "benchmarks.cycles.blender", str(raw.parent), scene.name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"Blender could not render the scene {scene.name}:\n{(done.stdout + done.stderr)[-2000:]}"
        )
    for path in raw.glob("*.exr"):
        _slim(path)
    (raw / "key.txt").write_text(key(scene), encoding="ascii")


def _slim(path: Path) -> None:
    """Leave in a file of Blender's what is needed of it: a sixth of its size."""
    planes = OpenEXR.File(str(path), separate_channels=True).channels()
    kept = {
        name: np.asarray(plane.pixels)
        for name, plane in planes.items()
        if name.split(".")[1:2] in _KEPT
    }
    exr.write_exr(
        path,
        {
            name: plane if name.endswith("Z") else plane.astype(np.float16)
            for name, plane in kept.items()
        },
        {},
    )


def _develop(scene: Scene, raw: Path, folder: Path) -> None:
    """From Blender's EXRs to pictures and truth."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    factor = 0.0
    for move in MOVES:
        light = _channels(raw / f"{move.name}.photo.exr", "Combined", "RGB")
        factor = factor or develop.exposure(
            light
        )  # the photo comes first: its exposure is every view's
        picture = develop.film(light, factor)
        if move == PHOTO:
            develop.write_jpeg(folder / "photo.jpg", picture, scene.equivalent_mm)
        else:
            cv2.imwrite(str(folder / f"{move.name}.png"), develop.bgr(picture))
        depth = _channels(raw / f"{move.name}.truth.exr", "Depth", "Z")[..., 0]
        normal = _channels(raw / f"{move.name}.truth.exr", "Normal", "XYZ")
        part = 1.0 if move == PHOTO else VIEW_PART
        if depth.shape[::-1] != tuple(round(side * part) for side in scene.size):
            raise ValueError(
                f"The scene {scene.name} has a picture of {depth.shape[::-1]} pixels where it should not."
            )
        far = np.where(depth < _SKY, depth, np.inf).astype(np.float32)
        np.savez_compressed(
            folder / f"{move.name}.npz", depth=far, normal=normal.astype(np.float16)
        )


def _channels(path: Path, name: str, letters: str) -> np.ndarray:
    """(H, W, channels) float32 of a pass in one of Blender's files."""
    planes = OpenEXR.File(str(path), separate_channels=True).channels()
    return np.stack(
        [np.asarray(planes[f"ViewLayer.{name}.{letter}"].pixels, np.float32) for letter in letters],
        axis=-1,
    )
