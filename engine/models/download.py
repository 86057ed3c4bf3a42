"""Fetching a model after an explicit yes: whole and checked, or nothing.

Nothing else in the engine opens a connection.
"""

import hashlib
import os
import shutil
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from ssl import SSLError
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..errors import DepthError
from ..progress import Progress
from ..store import atomic_folder
from .disk import PROCESSOR, inspect, models_folder
from .registry import ModelCard

_SITE = "https://huggingface.co"
# Bytes between two looks at the cancel flag: a fraction of a second on a slow line.
_CHUNK = 1 << 20
# Seconds of silence.
_TIMEOUT = 20.0
# Of the model's size, free on the disk.
_SPARE = 1.05
# The header in which the site states the SHA-256 of a large file.
_HASH = "X-Linked-Etag"
# Letters of a SHA-256; small files have a shorter mark there.
_HASH_LENGTH = 64


def download(
    card: ModelCard, allowed: bool, progress: Progress | None = None, folder: Path | None = None
) -> Path:
    """Download a model, whole or not at all.

    Args:
        card: of the model.
        allowed: true where the user said yes to its size and licence.
        progress: reported to with the megabytes so far, and asked before each of them.
        folder: its new folder; None: in the models folder. $HF_ENDPOINT names another site than
            huggingface.co.

    Returns:
        The model's folder.

    Raises:
        DepthError: not allowed, no connection, no room, or what came is not that model.
        OutputError: the folder cannot be written to.
        Cancelled: nothing is left behind.
    """
    if not allowed:
        terms = "" if card.commercial else ", no commercial use"
        raise DepthError(
            f"{card.title} is {card.megabytes} MB, under the licence {card.licence}{terms}; "
            "nothing is downloaded without a yes to both."
        )
    if not card.on_hub:
        page = card.page.removeprefix("https://")
        raise DepthError(
            f"{card.title} comes from its authors alone: {card.files[0]}, at {page}. "
            f"{_elsewhere(card)}"
        )
    progress = progress or Progress()
    target = folder or models_folder() / card.name
    if target.is_dir() and any(target.iterdir()):
        raise DepthError(
            f"“{target}” is there already. Use it, or delete it and download {card.title} again."
        )
    _check_room(target, card)
    with suppress(OSError):
        target.rmdir()  # an empty one: the name is free
    with atomic_folder(target) as part:
        for name in card.files:
            _fetch(card, name, part / name, progress)
        inspect(part, card)
    return target


def _check_room(target: Path, card: ModelCard) -> None:
    """Refuse before the first byte where the disk is too full."""
    parents = target.absolute().parents
    existing = next((parent for parent in parents if parent.is_dir()), None)
    if existing is None:
        return  # writing will say what is wrong
    free = shutil.disk_usage(existing).free / 1e6  # megabytes
    if free < card.megabytes * _SPARE:
        raise DepthError(
            f"{card.title} needs {card.megabytes} MB, "
            f"and the disk of “{target}” has {free:.0f} MB. Free some."
        )


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, and keeps the hash that the site states.

    The site states it before it hands over to its storage, which does not.
    """

    stated = ""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Remember the header, then follow as usual."""
        self.stated = self.stated or str(headers.get(_HASH, ""))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(card: ModelCard, name: str, path: Path, progress: Progress) -> None:
    """Fetch one file; the preprocessor's may be missing, for its values have defaults."""
    site = os.environ.get("HF_ENDPOINT", _SITE).rstrip("/")
    redirects = _Redirects()
    try:
        address = f"{site}/{quote(card.hub_id)}/resolve/main/{name}"
        request = Request(address, headers={"User-Agent": "AnchorStage"})
        with build_opener(redirects).open(request, timeout=_TIMEOUT) as answer:
            stated = redirects.stated or answer.headers.get(_HASH, "")
            _save(answer, path, card, progress, stated.strip('"'))
    except HTTPError as error:
        if error.code == 404 and name == PROCESSOR:
            return
        raise DepthError(
            f"{site} does not give {name} of {card.title} (error {error.code}). {_elsewhere(card)}"
        ) from error
    except (URLError, HTTPException, TimeoutError, ConnectionError, SSLError, ValueError) as error:
        reason = str(getattr(error, "reason", "") or error)
        raise DepthError(
            f"{card.title} could not be downloaded ({reason}). {_elsewhere(card)}"
        ) from error


def _elsewhere(card: ModelCard) -> str:
    """Tell what else the user can do."""
    folder = models_folder() / card.name
    if not card.on_hub:
        return f"Put it into “{folder}”."
    return f"Check the connection, or put {card.hub_id} into “{folder}”."


def _save(
    answer: HTTPResponse, path: Path, card: ModelCard, progress: Progress, stated: str
) -> None:
    """Write the body, and compare its length and hash with those that the site stated."""
    expected = answer.headers.get("Content-Length")
    done = 0  # bytes
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while chunk := answer.read(_CHUNK):
            done += len(chunk)
            fraction = done / 1e6 / max(card.megabytes, 1)
            progress(fraction, f"Downloading {card.title}, {done // 1_000_000} MB")
            digest.update(chunk)
            file.write(chunk)
    is_whole = expected is None or done == int(expected)
    has_other_hash = len(stated) == _HASH_LENGTH and digest.hexdigest() != stated
    if not is_whole or has_other_hash:
        raise DepthError(
            f"{path.name} of {card.title} arrived damaged ({done} bytes). {_elsewhere(card)}"
        )
