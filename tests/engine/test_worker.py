"""The worker: messages, errors, cancel, and the process itself."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes import scene

from engine import jobs
from engine.jobs import Job
from engine.scene.folder import save
from engine.store import atomic_path
from engine.wire import protocol, server

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Nothing:
    """The options of a job that has none."""


class Talk:
    """A server in threads of this process, spoken to as Blender does."""

    def __init__(self):
        self.inbox, self.outbox = queue.Queue(), queue.Queue()
        self.changed: dict[str, Job] = {}  # jobs that a test puts in place of the engine's
        lines = iter(self.inbox.get, None)
        self.thread = threading.Thread(
            target=server.serve,
            args=(lines, lambda line: self.outbox.put(json.loads(line))),
            kwargs={"find_job": lambda name: self.changed.get(name) or jobs.find(name)},
            daemon=True,
        )
        self.thread.start()
        assert self.get()["ready"]

    def change(self, name, run, lane=None):
        """Have a job do something else, with any arguments, in its lane or another one."""
        job = jobs.find(name)
        self.changed[name] = replace(job, run=run, options=Nothing, lane=lane or job.lane)

    def put(self, **message):
        self.inbox.put(json.dumps(message))

    def get(self):
        return self.outbox.get(timeout=30)

    def answer(self, id):
        while not {"result", "error"} & set(message := self.get()):
            assert message["id"] == id
        assert message["id"] == id
        return message

    def answers(self, *ids):
        """The answers of several jobs, by id, with the time at which each came."""
        found = {}
        while set(found) != set(ids):
            message = self.get()
            if {"result", "error"} & set(message):
                found[message["id"]] = message | {"at": time.monotonic()}
        return found


@pytest.fixture
def talk():
    talk = Talk()
    yield talk
    talk.inbox.put(None)
    talk.thread.join(timeout=30)
    assert not talk.thread.is_alive()


@pytest.fixture
def folder(tmp_path):
    save(scene(), tmp_path / "wall.anchorstage")
    return tmp_path / "wall.anchorstage"


def test_info_job(talk, folder):
    talk.put(id=1, job="info", args={"scene": str(folder)})
    result = talk.answer(1)["result"]
    assert result["splats"] == 64 * 48
    assert [region["id"] for region in result["regions"]] == ["ground", "facade_001"]


def test_overlay_job_writes_what_the_scene_holds(talk, folder, tmp_path):
    output = tmp_path / "overlay.npy"
    talk.put(
        id=2, job="overlay", args={"scene": str(folder)}, wants={"rows": {"file": str(output)}}
    )
    assert talk.answer(2)["result"]["count"] == 64 * 48
    rows, splats = np.load(output), scene().splats
    assert np.array_equal(rows[:, :3], splats.positions)
    # The covariance's determinant is the product of the variances whatever the rotation.
    xx, xy, xz, yy, yz, zz = rows[:, 4:10].astype(np.float64).T
    determinant = xx * (yy * zz - yz**2) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    assert np.allclose(
        determinant, np.prod(splats.scales.astype(np.float64) ** 2, axis=1), rtol=0.05
    )


def test_frame_job_hands_over_every_pass(talk, folder, tmp_path):
    output = tmp_path / "planes"
    view = scene().photo_view
    args = {"scene": str(folder), "view": view.to_json()}
    talk.put(id=3, job="frame", args=args, wants={"passes": {"file": str(output)}})
    result = talk.answer(3)["result"]
    data = np.fromfile(output, np.float32)
    planes = {
        name: data[offset : offset + channels * 64 * 48]
        for name, channels, offset in result["layout"]
    }
    assert sum(len(plane) for plane in planes.values()) == len(data)
    assert np.allclose(planes["Depth"].reshape(48, 64), scene().maps.depth, rtol=0.1)


def test_scene_changed_on_disk_is_read_again(talk, folder):
    talk.put(id=1, job="info", args={"scene": str(folder)})
    assert talk.answer(1)["result"]["name"] == "wall"
    save(scene(name="other"), folder, overwrite=True)
    talk.put(id=2, job="info", args={"scene": str(folder)})
    assert talk.answer(2)["result"]["name"] == "other"


@pytest.mark.parametrize(
    ("job", "args", "sentence"),
    [
        ("fly", {}, "knows no job"),
        ("info", {}, "needs the argument"),
        ("info", {"scene": 3}, "must be text"),
        ("info", {"scene": "/none.anchorstage"}, "missing"),
        ("reconstruct", {}, "needs the argument 'output'"),
        ("reconstruct", {"output": "y", "speed": 3}, "Unknown argument"),
        ("reconstruct", {"output": "/tmp/y"}, "none.jpg"),
        ("reconstruct", {"output": "y", "max_splats": 0}, "splats"),
        ("reconstruct", {"output": "y", "camera_height": -1}, "camera height"),
        ("frame", {"scene": "/none.anchorstage", "view": {}}, "missing"),
        ("overlay", {"scene": "FOLDER"}, "needs the argument 'rows'"),
    ],
)
def test_refusals_are_sentences_and_the_worker_goes_on(talk, folder, job, args, sentence):
    args = {name: str(folder) if value == "FOLDER" else value for name, value in args.items()}
    talk.put(id=1, job=job, args=args, lends={"photo": {"file": "/none.jpg"}})
    assert sentence in talk.answer(1)["error"]["message"]
    talk.put(id=2, job="info", args={"scene": str(folder)})
    assert "result" in talk.answer(2)


def test_bug_in_a_job_is_a_sentence_too(talk):
    talk.change("info", lambda _options, _desk: 1 / 0)
    talk.put(id=1, job="info", args={})
    error = talk.answer(1)["error"]
    assert error["type"] == "InternalError"
    assert "ZeroDivisionError" in error["message"]


def test_lines_that_are_no_messages_are_ignored(talk, folder):
    for line in ("", "hello", "[1]", '{"id": 1}', '{"cancel": "x"}', '{"cancel": 99}'):
        talk.inbox.put(line)
    talk.put(id=1, job="info", args={"scene": str(folder)})
    assert "result" in talk.answer(1)


def test_a_blob_without_a_description_is_a_sentence(talk, folder):
    talk.put(id=1, job="overlay", args={"scene": str(folder)}, wants={"rows": {}})
    assert "error" in talk.answer(1)


class Endless:
    """A job that works until it is cancelled."""

    def __init__(self):
        self.started = threading.Event()

    def __call__(self, _options, desk):
        self.started.set()
        while True:
            desk.progress(0.5, "Working")
            time.sleep(0.001)


@pytest.mark.parametrize("lane", server.LANES)
def test_cancel_reaches_a_running_job_and_a_waiting_one(talk, folder, lane):
    endless = Endless()
    talk.change("overlay", endless, lane)
    talk.put(id=1, job="overlay", args={})
    talk.put(id=2, job="overlay", args={})
    assert endless.started.wait(10)
    talk.put(cancel=2)
    assert talk.answers(2)[2]["error"]["type"] == "Cancelled"  # while the first still runs
    talk.put(cancel=1)
    assert talk.answers(1)[1]["error"]["type"] == "Cancelled"
    talk.put(id=3, job="info", args={"scene": str(folder)})
    assert "result" in talk.answer(3)


def test_a_quick_job_does_not_wait_for_a_long_one(talk, folder, tmp_path):
    """The frame of a free server, and the same while a job sleeps ten seconds in the long lane."""

    def sleeping(_options, desk):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            desk.progress.check()
            time.sleep(0.05)
        return {}

    def frame(number):
        args = {"scene": str(folder), "view": scene().photo_view.to_json()}
        start = time.monotonic()
        talk.put(
            id=number, job="frame", args=args, wants={"passes": {"file": str(tmp_path / "passes")}}
        )
        return talk.answers(number)[number]["at"] - start

    talk.change("rescale", sleeping)
    frame(1)  # opens the scene
    alone = min(frame(number) for number in range(2, 7))
    talk.put(id=10, job="rescale", args={})
    beside = min(frame(number) for number in range(11, 16))
    assert beside - alone < 0.05
    start = time.monotonic()
    talk.put(cancel=10)
    assert talk.answers(10)[10]["error"]["type"] == "Cancelled"
    # The lane is free again: the next long job runs at once.
    talk.change("rescale", lambda _options, _desk: {"slept": True})
    talk.put(id=20, job="rescale", args={})
    assert talk.answers(20)[20]["result"] == {"slept": True}
    assert time.monotonic() - start < 0.5


def test_jobs_of_one_lane_run_one_after_the_other(talk):
    running, most = [], []

    def counted(_options, _desk):
        running.append(1)
        most.append(len(running))
        time.sleep(0.02)
        running.pop()
        return {}

    talk.change("rescale", counted)
    for number in range(1, 6):
        talk.put(id=number, job="rescale", args={})
    talk.answers(1, 2, 3, 4, 5)
    assert most == [1] * 5


def test_a_job_tells_which_temporary_paths_it_begins(talk, tmp_path):
    def writes(_options, _desk):
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("a", encoding="utf-8")
        return {"temporary": str(temporary)}

    talk.change("rescale", writes)
    talk.put(id=1, job="rescale", args={})
    told = talk.get()
    assert told == {"id": 1, "writing": talk.answer(1)["result"]["temporary"]}


def test_what_was_made_is_not_read_back(talk, folder, tmp_path, monkeypatch):
    """The scene that a job has just made is the one that the next job sees, without a look at the disk."""
    from engine.jobs import scene_cache

    args = {"scene": str(folder), "camera_height": 3.0}
    talk.put(id=1, job="rescale", args=args)
    assert "result" in talk.answer(1)
    monkeypatch.setattr(scene_cache, "open_scene", lambda _folder: pytest.fail("read back"))
    rows = {"rows": {"file": str(tmp_path / "rows.npy")}}
    talk.put(id=2, job="overlay", args={"scene": str(folder)}, wants=rows)
    assert talk.answer(2)["result"]["count"] == 64 * 48


def test_every_file_of_a_job_is_in_the_table():
    names = {
        path.stem
        for path in (ROOT / "engine" / "jobs").glob("*.py")
        if "JOB = Job(" in path.read_text(encoding="utf-8")
    }
    assert names == set(jobs.FILES.values())
    for name in jobs.FILES:
        job = jobs.find(name)
        assert job.name == name
        assert job.lane in server.LANES


@given(st.integers(0, 9), st.text(max_size=40), st.floats(0, 1))
def test_every_message_is_one_line(id, text, fraction):
    for line in (
        protocol.progress(id, fraction, text),
        protocol.result(id, {"x": text}),
        protocol.error(id, "E", text),
    ):
        assert line.count("\n") == 1
        assert json.loads(line)["id"] == id


def start_process():
    command = [sys.executable, "-m", "engine", "serve"]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_process_ends_when_blender_is_gone(folder):
    process = start_process()
    assert json.loads(process.stdout.readline())["ready"]
    process.stdin.write(json.dumps({"id": 1, "job": "info", "args": {"scene": str(folder)}}) + "\n")
    process.stdin.flush()
    while "result" not in (message := json.loads(process.stdout.readline())):
        assert "progress" in message
    process.stdin.close()
    assert process.wait(timeout=20) == 0


def test_killed_process_says_nothing_more():
    process = start_process()
    assert json.loads(process.stdout.readline())["ready"]
    os.kill(process.pid, signal.SIGKILL)
    assert process.stdout.read() == ""
    assert process.wait(timeout=20) == -signal.SIGKILL
