"""The `anchorstage` command: reconstruct, info, render, rescale, import, models, serve.

`--json` prints one object on standard output; progress goes to standard error. Bad input: one sentence, exit status 2.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from ..errors import AnchorStageError, ArgumentError, Cancelled
from ..progress import Progress
from ..version import version

USAGE_ERROR = 2
SIGNALLED = 128  # and the signal's number: how a shell reports a program that a signal ended
INTERRUPTED = SIGNALLED + signal.SIGINT  # Ctrl-C
_BAR = 24  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _ended_tidily():
            return _run(_parser().parse_args(arguments))
    except Cancelled:
        return INTERRUPTED
    except AnchorStageError as error:
        return _refuse(str(error))
    except MemoryError:
        return _refuse("there is not enough memory; use a smaller photo or fewer splats.")
    except KeyboardInterrupt:
        print("\nanchorstage: cancelled.", file=sys.stderr)
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    if options.command == "serve":
        from ..wire.server import serve_process

        return serve_process()
    result = _COMMANDS[options.command](options, Progress(_bar if not options.quiet else None))
    try:
        if options.json:
            print(json.dumps(result, ensure_ascii=False))
        else:
            _tell(options.command, result)
        if sys.stdout is not None:  # closed by whoever started the command
            sys.stdout.flush()
    except OSError as error:
        # What is still in the buffer must not fail a second time when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader that has seen enough is no fault
            return _refuse(
                f"the work is done, but its summary could not be printed ({error.strerror})."
            )
    return 0


def _refuse(sentence: str) -> int:
    # A name or a library's words may hold a line end; what is wrong is one line.
    print(f"anchorstage: {' '.join(sentence.split())}", file=sys.stderr)
    return USAGE_ERROR


@contextmanager
def _ended_tidily() -> Iterator[None]:
    """A polite request to end (a closed terminal, `kill`, a render farm) leaves nothing half-written behind."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(SIGNALLED + number)

    main = threading.current_thread() is threading.main_thread()  # no other may set handlers
    names = [name for name in ("SIGTERM", "SIGHUP") if main and hasattr(signal, name)]
    before = {getattr(signal, name): signal.signal(getattr(signal, name), end) for name in names}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"anchorstage: {message}; see `{self.prog} --help`.", file=sys.stderr)
        raise SystemExit(USAGE_ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="anchorstage",
        description="One photo to a metric 3D scene of Gaussian splats, and its renders.",
    )
    parser.add_argument("--version", action="version", version=f"anchorstage {version()}")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    def command(name: str, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.add_argument(
            "--json", action="store_true", help="print one JSON object on standard output"
        )
        sub.add_argument("--quiet", action="store_true", help="no progress on standard error")
        return sub

    make = command("reconstruct", "Make a scene from a photo.")
    make.add_argument("photo", help="JPEG, PNG, TIFF, WebP, EXR or HDR")
    make.add_argument("-o", "--output", required=True, help="the scene's folder, NAME.anchorstage")
    make.add_argument(
        "--overwrite", action="store_true", help="replace an existing scene of that name"
    )
    make.add_argument(
        "--focal-px",
        type=float,
        help="focal length in pixels of the photo (else EXIF, else estimated)",
    )
    make.add_argument(
        "--focal-mm", type=float, help="focal length in millimetres for a 36 mm wide frame"
    )
    make.add_argument(
        "--camera-height",
        type=float,
        help="metres between the ground and the camera (else 1.6, indoors 1.3)",
    )
    make.add_argument("--max-splats", type=int, help="at most so many splats (else a million)")
    make.add_argument(
        "--depth",
        metavar="NAME",
        help="which depth source: builtin, or a name that `anchorstage models` lists",
    )
    make.add_argument(
        "--fit",
        type=int,
        metavar="N",
        help="fit the splats to the photo in N iterations, 40 do (needs PyTorch)",
    )
    make.add_argument(
        "--depth-folder",
        metavar="PATH",
        help="the folder with that model's files (else where models are kept)",
    )

    info = command("info", "Say what a scene holds.")
    info.add_argument("scene", help="the scene's folder")

    render = command("render", "Render a camera move to EXRs.")
    render.add_argument("scene", help="the scene's folder")
    render.add_argument(
        "-o",
        "--output",
        required=True,
        help="folder for shot.####.exr, metadata.json and region masks",
    )
    render.add_argument(
        "--move", default="", help="dolly:M,truck:M,pedestal:M,orbit:DEG,pan:DEG,tilt:DEG,lens:MM"
    )
    render.add_argument("--frames", type=int, default=1)
    render.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT in pixels (1280x720)")
    render.add_argument("--fps", type=float, default=24.0, help="frames a second (24)")
    render.add_argument(
        "--camera", help="id of the camera that starts the move (else the active one)"
    )
    render.add_argument("--overwrite", action="store_true", help="replace frames of that name")

    scale = command("rescale", "Make the metres of a scene true by one measured length.")
    scale.add_argument("scene", help="the scene's folder")
    length = scale.add_mutually_exclusive_group(required=True)
    length.add_argument(
        "--camera-height",
        type=float,
        metavar="M",
        help="metres between the ground and the photo's camera",
    )
    length.add_argument("--distance", type=float, metavar="M", help="metres between the two points")
    length.add_argument(
        "--object-height",
        type=float,
        metavar="M",
        help="metres from the second point straight up to the first",
    )
    scale.add_argument(
        "--points",
        nargs=2,
        metavar="X,Y",
        help="two points in pixels of the photo; for a height top, then foot",
    )

    take = command(
        "import",
        "Make a scene from a PLY of Gaussians in the photo's camera frame, such as SHARP writes.",
    )
    take.add_argument("file", help="the PLY")
    take.add_argument("-o", "--output", required=True, help="the scene's folder, NAME.anchorstage")
    take.add_argument(
        "--overwrite", action="store_true", help="replace an existing scene of that name"
    )
    take.add_argument(
        "--camera-height",
        type=float,
        help="metres between the ground and the camera; scales the scene",
    )

    known = command("models", "List the depth models with licence and size, or download one.")
    known.add_argument(
        "--download", metavar="NAME", help="fetch this one from huggingface.co; needs --yes"
    )
    known.add_argument("--yes", action="store_true", help="yes to its size and licence")

    commands.add_parser("serve", help="Serve Blender on standard input and output.")
    return parser


def _reconstruct(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from ..jobs import ReconstructOptions, options_from, reconstruct

    names = [field.name for field in fields(ReconstructOptions)]
    return reconstruct(
        options_from(ReconstructOptions, {name: getattr(options, name) for name in names}), progress
    )


def _info(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from ..jobs import summary
    from ..scene.folder import open_scene
    from ..store import absolute

    folder = absolute(options.scene)
    return summary(open_scene(folder), folder)


def _render(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from ..jobs import SequenceOptions, render_sequence
    from ..moves import parse_move
    from ..scene.folder import open_scene
    from ..store import absolute

    width, height = _size(options.size)
    names = ("frames", "fps", "camera", "overwrite")
    for path in (options.scene, options.output):
        absolute(path)  # says what is wrong with it before any work
    chosen = SequenceOptions(
        Path(options.output),
        parse_move(options.move),
        width=width,
        height=height,
        **{name: getattr(options, name) for name in names},
    )
    return render_sequence(open_scene(Path(options.scene)), chosen, progress)


def _rescale(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from ..jobs import RescaleOptions, options_from, rescale
    from ..scene.folder import open_scene
    from ..store import absolute

    names = ("scene", "camera_height", "distance", "object_height", "points")
    chosen = options_from(RescaleOptions, {name: getattr(options, name) for name in names})
    _ = chosen.measure  # says what is wrong with it before any work
    return rescale(chosen, open_scene(absolute(options.scene)), progress)


def _import(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from ..jobs import options_from
    from ..jobs.importing import ImportOptions, import_splats

    names = ("file", "output", "overwrite", "camera_height")
    return import_splats(
        options_from(ImportOptions, {name: getattr(options, name) for name in names}), progress
    )


def _models(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from .. import models

    if options.download:
        from ..models.download import download

        sharp = options.download == models.SHARP.name
        download(models.SHARP if sharp else models.card(options.download), options.yes, progress)
    cards = [*models.MODELS.values(), models.SHARP]
    rows = [
        models.listing(card) | {"installed": str(models.installed(card) or "")} for card in cards
    ]
    return {"folder": str(models.models_folder()), "models": rows}


_COMMANDS = {
    "reconstruct": _reconstruct,
    "info": _info,
    "render": _render,
    "rescale": _rescale,
    "import": _import,
    "models": _models,
}


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    try:
        return int(width), int(height)
    except ValueError:
        raise ArgumentError(f"“{text}” is not a size; write it as 1280x720.") from None


def _bar(fraction: float, stage: str) -> None:
    if not sys.stderr.isatty():
        return
    filled = round(fraction * _BAR)
    end = "\n" if fraction >= 1 else ""
    print(
        f"\r\033[K{'█' * filled}{'░' * (_BAR - filled)} {fraction:4.0%}  {stage}",
        end=end,
        file=sys.stderr,
        flush=True,
    )


def _tell(command: str, result: dict[str, Any]) -> None:
    if command == "render":
        print(
            f"{result['frames']} frames in {result['output']} ({result['fps']:.1f} frames a second rendered)"
        )
        return
    if command == "models":
        _tell_models(result)
        return
    if command == "rescale":
        print(f"the scene is {result['factor']:.4g} times as large as it was")
    camera = result["camera"]
    print(
        f"{result['scene']}: {result['splats']:,} splats, photo {result['width']}x{result['height']}"
    )
    lens = f"{camera['focal_length']:.1f} mm on {camera['sensor_width']:.0f} mm"
    print(f"camera: {lens}, {camera['position'][2]:.2f} m above the ground")
    print("regions: " + ", ".join(region["id"] for region in result["regions"]))
    print(f"depth: {result['depth_source']}; confidence {result['confidence']:.2f}")
    for warning in result["warnings"]:
        print(f"note: {warning}")
    if "seconds" in result:
        print(
            "seconds: "
            + ", ".join(f"{stage} {value:.2f}" for stage, value in result["seconds"].items())
        )


def _tell_models(result: dict[str, Any]) -> None:
    print(
        "builtin: in every AnchorStage; offline, in a second, with what lines, ground and sky tell"
    )
    for model in result["models"]:
        terms = model["licence"] + ("" if model["commercial"] else " (no commercial use)")
        state = f"here: {model['installed']}" if model["installed"] else "not on this machine"
        print(
            f"{model['name']}: {model['megabytes']} MB, {model['place']}, {terms}; {state}\n    {model['good_for']}"
        )
    print(f"models are kept in {result['folder']}")
