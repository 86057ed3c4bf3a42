"""Formats of splat files: each keeps what the table says, and an unknown suffix is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SplatError
from engine.formats.encoding import decode, encode
from engine.formats.table import FORMATS, read_splats, write_splats
from engine.splats import Splats
from engine.tables.attributes import (
    ATTRIBUTES,
    BY_NAME,
    OVERLAY_COLUMNS,
    OVERLAY_WIDTH,
    overlay_slice,
)

FIELDS = [attribute for attribute in ATTRIBUTES if attribute.kind != "derived"]
WRITTEN = [entry for entry in FORMATS if entry.write is not None]


def splats_with_everything(count=20, seed=0):
    """Splats with no attribute at the value that stands for a missing one."""
    rng = np.random.default_rng(seed)
    rotations = rng.normal(size=(count, 4))
    return Splats(
        positions=rng.normal(0, 10, (count, 3)),
        scales=rng.uniform(1e-3, 0.5, (count, 3)),
        rotations=rotations / np.linalg.norm(rotations, axis=1, keepdims=True),
        opacities=rng.uniform(0.01, 0.99, count),
        colors=rng.uniform(0, 3, (count, 3)),
        confidence=rng.uniform(0, 0.9, count),
        region=rng.integers(0, 9, count),
        origin=rng.integers(1, 5, count),
        sh=rng.normal(size=(count, 15, 3)),
    )


@pytest.mark.parametrize("entry", WRITTEN, ids=lambda entry: entry.suffix)
def test_a_format_keeps_exactly_what_the_table_says(entry, tmp_path):
    splats = splats_with_everything()
    path = tmp_path / f"splats{entry.suffix}"
    write_splats(path, splats)
    again = read_splats(path)
    assert entry.keeps <= {attribute.name for attribute in FIELDS}
    for attribute in FIELDS:
        before, after = getattr(splats, attribute.name), getattr(again, attribute.name)
        if attribute.name in entry.keeps:
            np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-6, err_msg=attribute.name)
        elif attribute.kind == "optional":
            assert after is None, attribute.name
        else:
            assert (after == attribute.missing).all(), attribute.name


def test_every_format_keeps_what_makes_a_splat():
    required = {attribute.name for attribute in FIELDS if attribute.required}
    assert all(required <= entry.keeps for entry in FORMATS)


def test_suffixes_are_unique_and_their_case_does_not_matter(tmp_path):
    suffixes = [entry.suffix for entry in FORMATS]
    assert len(set(suffixes)) == len(suffixes)
    for entry in WRITTEN:
        path = tmp_path / f"splats{entry.suffix.upper()}"
        write_splats(path, splats_with_everything())
        assert len(read_splats(path)) == 20


@pytest.mark.parametrize("name", ["splats.obj", "splats", "splats.ply.zip"])
def test_an_unknown_suffix_is_one_sentence_that_lists_the_known(name, tmp_path):
    (tmp_path / name).write_bytes(b"ply")
    for attempt in (
        lambda: read_splats(tmp_path / name),
        lambda: write_splats(tmp_path / name, splats_with_everything()),
    ):
        with pytest.raises(SplatError) as caught:
            attempt()
        sentence = str(caught.value)
        assert name in sentence
        assert all(entry.suffix in sentence.partition(name)[2] for entry in WRITTEN)
        assert "\n" not in sentence
    assert (tmp_path / name).read_bytes() == b"ply"


def test_the_table_describes_the_record():
    """Shape of a row and type of every attribute, as `Splats` holds it."""
    splats = splats_with_everything()
    for attribute in ATTRIBUTES:
        values = getattr(splats, attribute.name)
        assert values.shape == (len(splats), *attribute.row_shape), attribute.name
        assert values.dtype == attribute.dtype, attribute.name
        assert len(attribute.ply_names) == np.prod(attribute.row_shape, dtype=int)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-5, 1 - 1e-5), st.floats(1e-8, 1e3), st.floats(-5, 5))
def test_an_encoding_is_undone_by_decoding(opacity, scale, colour):
    for name, value in (("opacities", opacity), ("scales", scale), ("colors", colour)):
        values = np.float32([value])
        encoded = encode(BY_NAME[name], values).astype(np.float32)
        assert decode(BY_NAME[name], encoded) == pytest.approx(values, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", ["opacities", "scales"])
def test_what_is_infinite_in_a_file_is_finite_in_memory(name):
    decoded = decode(BY_NAME[name], np.float32([-np.inf, np.inf]))
    assert np.isfinite(decoded).all()
    assert decoded[0] < 1e-12
    assert decoded[1] >= 1


def test_overlay_columns_follow_each_other():
    ends = [overlay_slice(group.name) for group in OVERLAY_COLUMNS]
    assert [part.start for part in ends] == [0, *(part.stop for part in ends[:-1])]
    assert ends[-1].stop == OVERLAY_WIDTH == 16
    with pytest.raises(KeyError):
        overlay_slice("normals")
