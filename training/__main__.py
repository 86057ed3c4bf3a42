"""`python -m training --hours H --out FOLDER [--steps N] [--resume] [--weights FILE]`."""

import argparse
import logging
from pathlib import Path

import torch

from .export import export
from .trainer import Plan, Run, train


def main(arguments: list[str] | None = None) -> None:
    """Run the training and write its checkpoints to the folder."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    run = Run(Plan(options.seed, options.device, options.batch))
    if options.resume:
        run.load(options.out)
    for _ in train(run, options.out, options.hours, options.steps):
        pass
    if options.weights:
        export(run.average, options.weights, options.seed, run.step)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument(
        "--hours",
        type=float,
        required=True,
        help="of wall-clock time, at most; the learning rate falls to 0 by then",
    )
    parser.add_argument(
        "--steps",
        type=int,
        help="end here, the rate falling to 0; such a run can be made again exactly",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder for checkpoint.pt and losses.jsonl",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument(
        "--batch",
        type=float,
        default=1.0,
        help="pictures a step, in eights; 32 and more on a GPU",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        help="where to write the averaged weights at the end, an .npz",
    )
    return parser


if __name__ == "__main__":
    main()
