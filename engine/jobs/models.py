"""Models: which depth models there are, and fetching one after a yes."""

from collections.abc import Iterator
from dataclasses import dataclass

from .. import models
from ..options import option
from .job import Desk, Job, Result


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a download."""

    download: str | None = option(
        "fetch this one from huggingface.co; needs --yes", None, metavar="NAME"
    )
    yes: bool = option("yes to its size and licence", False)


def run(options: Options, desk: Desk) -> Result:
    """List the models, after one was fetched where that is asked for.

    Raises:
        DepthError: there is no such model, it was not allowed, or it did not arrive whole.
    """
    if options.download:
        from ..models.download import download  # and with it what opens connections

        is_sharp = options.download == models.SHARP.name
        card = models.SHARP if is_sharp else models.card(options.download)
        download(card, options.yes, desk.progress)
    cards = [*models.MODELS.values(), models.SHARP]
    rows = [
        models.listing(card) | {"installed": str(models.installed(card) or "")} for card in cards
    ]
    return {"folder": str(models.models_folder()), "models": rows}


def tell(result: Result) -> Iterator[str]:
    """Tell a person what each model is good for, and whether it is here."""
    yield (
        "builtin: in every AnchorStage; offline, in a second, with what lines, ground and sky tell"
    )
    for model in result["models"]:
        terms = model["licence"] + ("" if model["commercial"] else " (no commercial use)")
        state = f"here: {model['installed']}" if model["installed"] else "not on this machine"
        yield f"{model['name']}: {model['megabytes']} MB, {model['place']}, {terms}; {state}"
        yield f"    {model['good_for']}"
    yield f"models are kept in {result['folder']}"


JOB = Job(
    name="models",
    lane="long",
    sentence="List the depth models with licence and size, or download one.",
    options=Options,
    run=run,
    tell=tell,
    gives=(
        "`folder`, and `models` (`name`, `title`, `licence`, `commercial`, `megabytes`, `place`, "
        "`good_for`, `page`, `installed`)"
    ),
)
