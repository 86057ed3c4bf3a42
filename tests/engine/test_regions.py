"""Regions against scenes whose surfaces are known."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from engine.depth import DepthEstimate, DepthOptions
from engine.depth.estimating import estimate
from engine.depth.surfaces import normals
from engine.errors import ArgumentError
from engine.image import Photo
from engine.regions import Region
from engine.regions.finding import MOST_REGIONS, find_regions, label_map

from . import raycast


@cache
def truth(name: str) -> tuple:
    """A scene's picture, and its exact depth as an estimate."""
    make, tilt = {
        "street": (raycast.street, {"pitch": 3}),
        "room": (raycast.room, {"pitch": -4, "eye": 1.3, "focal": 400}),
    }[name]
    picture = raycast.shoot(make(), raycast.camera(**tilt))
    sky = picture.surface == raycast.SKY
    depth = np.where(sky, 240, picture.depth).astype(np.float32)
    ones = np.ones(depth.shape, np.float32)
    normal = normals(picture.view, depth)
    found = DepthEstimate(
        picture.view, depth, 0.1 * depth, 0.5 * ones, normal, sky, picture.surface == 0, "known"
    )
    return picture, found


@pytest.mark.parametrize(("name", "label", "walls"), [("street", "facade", 3), ("room", "wall", 3)])
def test_known_planes_come_out_as_those_planes(name, label, walls):
    picture, found = truth(name)
    regions = find_regions(found, picture.colours)
    upright = [region for region in regions if region.label == label]
    assert len(upright) == walls
    for region in upright:
        surface = np.bincount(picture.surface[region.mask]).argmax()
        true = picture.surface == surface
        assert (true & region.mask).sum() / (true | region.mask).sum() > 0.95
        points = found.view.unproject(found.depth)[true]
        assert np.abs(points @ region.plane[:3] + region.plane[3]).max() < 0.05


def test_a_rooms_ceiling_is_a_plane():
    picture, found = truth("room")
    (ceiling,) = [
        region for region in find_regions(found, picture.colours) if region.label == "plane"
    ]
    assert ceiling.plane == pytest.approx([0, 0, -1, 2.6], abs=0.02)


def test_sky_and_ground_are_the_estimates():
    picture, found = truth("street")
    by_id = {region.id: region for region in find_regions(found, picture.colours)}
    for name, mask in (("sky", found.sky), ("ground", found.ground)):
        assert (by_id[name].mask & mask).sum() / (by_id[name].mask | mask).sum() > 0.99
    assert by_id["ground"].plane == pytest.approx([0, 0, 1, 0])
    assert by_id["sky"].plane is None


@pytest.mark.parametrize("name", ["street", "room"])
def test_regions_tile_the_picture(name):
    picture, found = truth(name)
    _check(find_regions(found, picture.colours), found.depth.shape)


def _check(regions: list[Region], shape: tuple[int, int]) -> None:
    """What holds for all regions of any photo."""
    assert 1 <= len(regions) <= MOST_REGIONS
    assert (sum(region.mask.astype(int) for region in regions) == 1).all()
    assert len({region.id for region in regions}) == len(regions)
    labels = label_map(regions, shape)
    for index, region in enumerate(regions):
        assert np.array_equal(labels == index, region.mask)
        assert region.mask.dtype == bool
        assert region.id == region.label or region.id.startswith(region.label + "_0")
        assert 0 <= region.confidence <= 1
        assert not region.locked
        if region.plane is not None:
            assert np.linalg.norm(region.plane[:3]) == pytest.approx(1)


def test_planes_face_the_camera():
    picture, found = truth("street")
    regions = find_regions(found, picture.colours)
    planes = [region.plane for region in regions if region.plane is not None]
    assert len(planes) >= 4  # the ground and three facades
    for plane in planes:
        assert plane[:3] @ found.view.position + plane[3] > 0


def test_the_same_estimate_gives_the_same_regions():
    picture, found = truth("street")
    first, second = find_regions(found, picture.colours), find_regions(found, picture.colours)
    assert [region.id for region in first] == [region.id for region in second]
    assert np.array_equal(label_map(first, found.depth.shape), label_map(second, found.depth.shape))


def test_islands_are_merged():
    picture, found = truth("street")
    specks = found.ground.copy()
    rng = np.random.default_rng(0)
    specks[rng.integers(0, 480, 300), rng.integers(0, 640, 300)] = True
    regions = find_regions(replace(found, ground=specks), picture.colours)
    ground = next(region for region in regions if region.id == "ground")
    assert (ground.mask & ~found.ground).sum() < 50


def test_without_any_structure_there_is_one_foreground():
    _, found = truth("street")
    nothing = np.zeros_like(found.sky)
    rng = np.random.default_rng(0)
    depth = rng.uniform(2, 30, found.depth.shape).astype(np.float32)
    rough = replace(
        found, sky=nothing, ground=nothing, depth=depth, normal=normals(found.view, depth)
    )
    (region,) = find_regions(rough, np.zeros((*depth.shape, 3), np.float32))
    assert region.id == "foreground_001"
    assert region.mask.all()


@pytest.mark.parametrize("shape", [(64, 64), (70, 333)])
def test_any_photo_gets_regions(shape):
    rng = np.random.default_rng(5)
    pixels = (rng.random((*shape, 3)) * 255).astype(np.uint8)
    found = estimate(Photo("noise", ".png", b"", pixels), DepthOptions())
    _check(find_regions(found, pixels / np.float32(255)), shape)


def test_an_estimated_street_has_its_regions():
    picture, _ = truth("street")
    pixels = np.round(picture.colours * 255).astype(np.uint8)
    found = estimate(Photo("street", ".png", b"", pixels), DepthOptions(focal_px=picture.view.fx))
    regions = find_regions(found, picture.colours)
    _check(regions, found.depth.shape)
    labels = [region.label for region in regions]
    assert labels.count("sky") == labels.count("ground") == 1
    assert labels.count("facade") >= 2


def test_masks_and_colours_of_another_size_are_refused():
    picture, found = truth("street")
    with pytest.raises(ArgumentError, match="grid"):
        find_regions(found, picture.colours[::2])
    region = Region("sky", "sky", np.ones((4, 4), bool))
    with pytest.raises(ArgumentError, match="sky"):
        label_map([region], (5, 5))
    assert (label_map([], (3, 3)) == -1).all()
