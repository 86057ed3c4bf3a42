"""Models on disk and their download, without torch.

They are whole and of the right kind, or there is one sentence; no network without a yes.
"""

import hashlib
import json
import re
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import models
from engine.depth.learned.preparing import PREPARATIONS
from engine.errors import Cancelled, DepthError
from engine.models import download as downloading
from engine.models.download import download
from engine.progress import Progress

CONFIG = {"model_type": "depth_anything", "depth_estimation_type": "metric"}
CARD = models.MODELS["depth-anything-v2-indoor-small"]


def weights(values: bytes = b"\0" * 16) -> bytes:
    """A safetensors file of one tensor."""
    header = json.dumps(
        {"w": {"dtype": "F32", "shape": [len(values) // 4], "data_offsets": [0, len(values)]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + values


def make(folder: Path, config: object = CONFIG, data: bytes | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    (folder / "model.safetensors").write_bytes(weights() if data is None else data)
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No model of this machine's user is seen."""
    monkeypatch.setenv("ANCHORSTAGE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def sentence(call, *arguments) -> str:
    """The text of a refusal: one sentence or two, and what to do."""
    with pytest.raises(DepthError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", "?"))
    return text


@pytest.mark.parametrize(
    "card", [*models.MODELS.values(), models.SHARP], ids=lambda card: card.name
)
def test_every_card_says_what_a_person_chooses_by(card):
    assert re.fullmatch(r"[a-z0-9-]+", card.name)
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", card.hub_id)
    assert card.family in PREPARATIONS or card is models.SHARP
    assert card.commercial == (card.licence in ("Apache-2.0", "MIT"))
    assert 10 < card.megabytes < 10_000
    assert 0 < card.error < 1
    assert json.loads(json.dumps(models.listing(card)))["licence"] == card.licence


def test_a_source_gives_depth_or_gaussians():
    assert models.gives("builtin") == "depth"
    assert all(models.gives(name) == "depth" for name in models.MODELS)
    assert models.gives(models.SHARP.name) == models.SHARP.gives == "gaussians"


def test_a_model_is_found_by_name_by_folder_and_in_other_programs_cache(home):
    assert "not on this machine" in sentence(models.find, CARD.name)
    cached = make(home / "hub" / f"models--{CARD.hub_id.replace('/', '--')}" / "snapshots" / "abc")
    assert models.find(CARD.name).folder == cached
    ours = make(models.models_folder() / CARD.name)
    assert models.find(CARD.name).folder == ours
    elsewhere = make(home / "a folder with ümlaut")
    assert models.find(None, elsewhere).card is None
    assert models.find(CARD.name, elsewhere).title == CARD.title


WRONG = {
    "no folder": (lambda f: None, "There is no folder"),
    "empty folder": (lambda f: f.mkdir(), "config.json is missing"),
    "no weights": (
        lambda f: (make(f) / "model.safetensors").unlink(),
        "model.safetensors is missing",
    ),
    "old weights": (
        lambda f: (make(f) / "model.safetensors").rename(f / "pytorch_model.bin"),
        "can run programs",
    ),
    "broken config": (lambda f: make(f, "{"), "is damaged"),
    "config is a list": (lambda f: make(f, [1]), "is damaged"),
    "another kind": (lambda f: make(f, {"model_type": "bert"}), "bert"),
    "kind is a list": (lambda f: make(f, {"model_type": ["zoedepth"]}), "gives no depth here"),
    "no kind": (lambda f: make(f, {}), "gives no depth here"),
    "no metres": (lambda f: make(f, {"model_type": "depth_anything"}), "knows no metres"),
    "cut short": (lambda f: make(f, data=weights()[:-1]), "cut short"),
    "too long": (lambda f: make(f, data=weights() + b"x"), "cut short"),
    "empty weights": (lambda f: make(f, data=b""), "is damaged"),
    "weights are text": (
        lambda f: make(f, data=b"version https://git-lfs.github.com/spec/v1\n"),
        "is damaged",
    ),
    "no tensors": (lambda f: make(f, data=struct.pack("<Q", 2) + b"{}"), "cut short"),
    "a part is missing": (
        lambda f: (make(f) / "model.safetensors").rename(make(f) / "model.safetensors.index.json"),
        "is damaged",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_whole_model_gets_one_sentence(home, case):
    spoil, words = WRONG[case]
    spoil(home / "m")
    assert words in sentence(models.find, None, home / "m")


def test_a_folder_of_another_kind_is_not_taken_for_the_named_one(home):
    make(home / "m", {"model_type": "zoedepth"})
    assert "not Depth Anything V2" in sentence(models.find, CARD.name, home / "m")
    assert "There is no depth source" in sentence(models.find, "magic")


def test_parts_are_all_needed(home):
    folder = make(home / "m")
    parts = ["model-1.safetensors", "model-2.safetensors"]
    (folder / "model.safetensors").rename(folder / parts[0])
    index = {"weight_map": dict(enumerate(parts))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert f"{parts[1]} is missing" in sentence(models.find, None, folder)
    (folder / parts[1]).write_bytes(weights())
    assert models.find(None, folder).family == "depth_anything"
    for bad in ({"a": "../model-1.safetensors"}, {"a": ["x"]}, {}, 3):
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": bad}))
        assert "is damaged" in sentence(models.find, None, folder)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_the_check_stumble(tmp_path_factory, data):
    folder = make(tmp_path_factory.mktemp("m"), data=data)
    assert "model.safetensors" in sentence(models.find, None, folder)


class Hub(ThreadingHTTPServer):
    """A site with one model, which counts who asks."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = {
            "config.json": json.dumps(CONFIG).encode(),
            "model.safetensors": weights(b"\1" * 4_000_000),
        }
        self.asked, self.short, self.hash = [], 0, None

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        data = self.server.files.get(self.path.rsplit("/", 1)[1])
        if data is None:
            self.send_error(404)
            return
        if (
            self.path.startswith(f"/{CARD.hub_id}/") and data[:1] != b"{"
        ):  # large files lie elsewhere, as on the real site
            self.send_response(302)
            self.send_header("Location", f"/storage/{self.path.rsplit('/', 1)[1]}")
            self.send_header(
                "X-Linked-Etag", f'"{self.server.hash or hashlib.sha256(data).hexdigest()}"'
            )
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) - self.server.short])

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    server = Hub()
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    yield server
    server.shutdown()
    server.server_close()


def nothing_left():
    folder = models.models_folder()
    return not folder.exists() or not list(folder.iterdir())


def test_without_a_yes_nothing_is_asked_of_the_network(hub):
    text = sentence(download, CARD, False)
    assert "99 MB" in text
    assert CARD.licence in text
    assert hub.asked == []
    assert nothing_left()


def test_sharp_is_left_to_its_authors(hub):
    assert "github.com/apple/ml-sharp" in sentence(download, models.SHARP, True)
    assert hub.asked == []


def test_after_a_yes_the_model_is_there_whole(hub):
    seen = []
    folder = download(CARD, True, Progress(lambda fraction, stage: seen.append(stage)))
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert models.find(CARD.name).folder == folder
    assert any("MB" in stage for stage in seen)
    count = len(hub.asked)
    assert "is there already" in sentence(download, CARD, True)
    assert len(hub.asked) == count


def test_what_arrives_damaged_is_thrown_away(hub):
    hub.short = 1000
    assert "damaged" in sentence(download, CARD, True)
    hub.short, hub.hash = 0, "0" * 64
    assert "damaged" in sentence(download, CARD, True)
    hub.hash, hub.files["config.json"] = None, b'{"model_type": "zoedepth"}'
    assert "not Depth Anything V2" in sentence(download, CARD, True)
    del hub.files["config.json"]
    assert "404" in sentence(download, CARD, True)
    assert nothing_left()


def test_no_site_no_room_and_no_patience_leave_nothing_behind(hub, monkeypatch):
    progress = Progress(lambda fraction, stage: progress.cancel())
    with pytest.raises(Cancelled):
        download(CARD, True, progress)
    assert nothing_left()
    with monkeypatch.context() as full:
        full.setattr(
            downloading.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1_000_000})
        )
        asked = len(hub.asked)
        assert "1 MB. Free some" in sentence(download, CARD, True)
        assert len(hub.asked) == asked
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens
    assert "could not be downloaded" in sentence(download, CARD, True)
    assert nothing_left()
