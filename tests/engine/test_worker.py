"""The worker: messages, errors, cancel, and the process itself."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes import scene

from engine.jobs import JOBS
from engine.scene.folder import save
from engine.wire import protocol
from engine.wire import server as worker

ROOT = Path(__file__).resolve().parents[2]


class Talk:
    """A server in threads of this process, spoken to as Blender does."""

    def __init__(self):
        self.inbox, self.outbox = queue.Queue(), queue.Queue()
        lines = iter(self.inbox.get, None)
        self.thread = threading.Thread(
            target=worker.serve,
            args=(lines, lambda line: self.outbox.put(json.loads(line))),
            daemon=True,
        )
        self.thread.start()
        assert self.get()["ready"]

    def put(self, **message):
        self.inbox.put(json.dumps(message))

    def get(self):
        return self.outbox.get(timeout=30)

    def answer(self, id):
        while "progress" in (message := self.get()):
            assert message["id"] == id
        return message


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
    talk.put(id=2, job="overlay", args={"scene": str(folder), "output": str(output)})
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
    names = ("fx", "fy", "cx", "cy", "width", "height")
    wire = {name: getattr(view, name) for name in names} | {
        "world_from_camera": list(view.world_from_camera.ravel())
    }
    talk.put(id=3, job="frame", args={"scene": str(folder), "view": wire, "output": str(output)})
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
        ("info", {"scene": "/none.anchorstage"}, "missing"),
        ("reconstruct", {"photo": "x"}, "arguments do not fit"),
        ("reconstruct", {"photo": "x", "output": "y", "speed": 3}, "Unknown argument"),
        ("reconstruct", {"photo": "/none.jpg", "output": "/tmp/y"}, "none.jpg"),
        ("reconstruct", {"photo": "x", "output": "y", "max_splats": 0}, "splats"),
        ("reconstruct", {"photo": "x", "output": "y", "camera_height": -1}, "camera height"),
        ("frame", {"scene": "/none.anchorstage", "view": {}, "output": "x"}, "missing"),
    ],
)
def test_refusals_are_sentences_and_the_worker_goes_on(talk, folder, job, args, sentence):
    talk.put(id=1, job=job, args=args)
    assert sentence in talk.answer(1)["error"]["message"]
    talk.put(id=2, job="info", args={"scene": str(folder)})
    assert "result" in talk.answer(2)


def test_bug_in_a_job_is_a_sentence_too(talk, monkeypatch):
    monkeypatch.setitem(JOBS, "info", lambda *_: 1 / 0)
    talk.put(id=1, job="info", args={})
    error = talk.answer(1)["error"]
    assert error["type"] == "InternalError"
    assert "ZeroDivisionError" in error["message"]


def test_lines_that_are_no_messages_are_ignored(talk, folder):
    for line in ("", "hello", "[1]", '{"id": 1}', '{"cancel": "x"}', '{"cancel": 99}'):
        talk.inbox.put(line)
    talk.put(id=1, job="info", args={"scene": str(folder)})
    assert "result" in talk.answer(1)


def test_cancel_reaches_a_running_job_and_a_waiting_one(talk, monkeypatch, folder):
    started = threading.Event()

    def endless(_args, _scenes, progress):
        started.set()
        while True:
            progress(0.5, "Working")
            time.sleep(0.001)

    monkeypatch.setitem(JOBS, "overlay", endless)
    talk.put(id=1, job="overlay", args={})
    talk.put(id=2, job="overlay", args={})
    assert started.wait(10)
    talk.put(cancel=2)
    talk.put(cancel=1)
    assert talk.answer(1)["error"]["type"] == "Cancelled"
    assert talk.answer(2)["error"]["type"] == "Cancelled"
    talk.put(id=3, job="info", args={"scene": str(folder)})
    assert "result" in talk.answer(3)


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
