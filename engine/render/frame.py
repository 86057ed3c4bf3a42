"""One frame through the kernels: project, scatter, blend."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..camera import View
from ..kernels import rasterise
from ..kernels.constants import CHUNK_SPLATS, FRUSTUM_MARGIN, NEAREST
from ..progress import Progress
from ..splats.record import Splats
from ..tables.attributes import BLENDED
from ..tables.passes import DRAWN, Pass
from .culling import Bounds, visible_chunks
from .parallel import run, split, thread_count
from .prepared import Prepared
from .record import ProxyRender, RenderOptions
from .scratch import Scratch

# More pieces than threads, so that threads finish together and a cancel is seen soon.
PIECES_PER_THREAD = 4
# Tile counters of all pieces together; bounds memory on the largest pictures.
MAX_COUNTS = 1 << 22
# Entries sorted at a time, 16 bytes each: half a gigabyte, where splats overlap without end.
BAND_ENTRIES = 1 << 25
TILES_PER_PIECE = 40  # a tile row of 1280 pixels; about a millisecond of blending


def kernel_camera(view: View, options: RenderOptions) -> rasterise.Camera:
    """Return the view as the kernels read it, in float32.

    The slopes are those of the frustum in which gsplat's Jacobian stays (1.5.3, `persp_proj`).
    """
    camera_from_world = view.camera_from_world
    rotation = camera_from_world[:3, :3]
    focal_length = np.array([view.fx, view.fy])
    principal_point = np.array([view.cx, view.cy])
    size = np.array([view.width, view.height])
    margin = FRUSTUM_MARGIN * 0.5 * size / focal_length

    photo = np.zeros(3)
    photo_focal = 0.0
    if options.photo_position is not None:
        photo = rotation @ (options.photo_position - view.position)  # metres, camera
        photo_focal = options.photo_focal or 0

    return rasterise.Camera(
        rotation=tuple(rotation.ravel()),
        eye=tuple(view.position),
        focal=tuple(focal_length),
        centre=tuple(principal_point),
        slope_min=tuple(-principal_point / focal_length - margin),
        slope_max=tuple((size - principal_point) / focal_length + margin),
        photo=tuple(photo),
        near=max(options.near, NEAREST),
        photo_focal=photo_focal,
        has_photo=options.photo_position is not None,
        antialiased=options.antialiased,
        width=view.width,
        height=view.height,
        tiles_x=-(-view.width // rasterise.TILE_WIDTH),
    )


@dataclass(frozen=True, eq=False)
class Frame:
    """The splats of one view, projected and counted by tile.

    It may be blended again in other colours.
    """

    view: View
    camera: rasterise.Camera
    # (visible chunks * CHUNK_SPLATS,) RECORD; each piece's visible ones at its beginning
    records: np.ndarray
    pieces: list[range]  # of visible chunks
    visible: list[int]  # records of each piece
    counts: np.ndarray  # (pieces, tiles) int32, entries of each piece in each tile
    scratch: Scratch  # where records and entries lie

    @property
    def starts(self) -> np.ndarray:
        """Places where each tile's entries begin, (tiles + 1,) int64."""
        entries_of_tile = self.counts.sum(axis=0, dtype=np.int64)
        ends = np.cumsum(entries_of_tile)
        return np.concatenate([[0], ends])

    def first_record(self, piece: int) -> int:
        """Return the row of a piece's first record."""
        return self.pieces[piece].start * CHUNK_SPLATS


def seen(bounds: Bounds, view: View, options: RenderOptions) -> np.ndarray:
    """Return the numbers of the chunks that may show in this view, (M,) int32, ascending."""
    camera = kernel_camera(view, options)
    slopes = (
        tuple(camera.slope_min),
        tuple(camera.slope_max),
    )
    return visible_chunks(bounds, view, camera.near, slopes)


def project(
    prepared: Prepared,
    view: View,
    options: RenderOptions,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
    chunks: np.ndarray | None = None,
    scratch: Scratch | None = None,
) -> Frame:
    """Project splats and count the entries that they will have in each tile.

    Args:
        prepared: the splats.
        view: the camera.
        options: how to render.
        pool: does the work.
        progress: asked between pieces.
        chunks: (M,) int32, the chunks that are projected; every one that may show where None.
        scratch: the frame lives there, where one is given, until that is used again.

    Raises:
        Cancelled: through `progress`.
    """
    scratch = scratch or Scratch()
    camera = kernel_camera(view, options)
    if chunks is None:
        chunks = seen(prepared.bounds, view, options)
    tile_rows = -(-view.height // rasterise.TILE_HEIGHT)
    tiles = camera.tiles_x * tile_rows

    # Each piece counts on its own, so that threads share nothing.
    threads = thread_count(options.threads)
    most_pieces = MAX_COUNTS // tiles
    wanted = min(PIECES_PER_THREAD * threads, most_pieces)
    pieces = split(len(chunks), max(1, wanted))
    splats = len(chunks) * CHUNK_SPLATS
    records = scratch.take("records", splats, rasterise.RECORD)
    counts = np.empty((len(pieces), tiles), np.int32)

    def work(i: int) -> int:
        return rasterise.project(
            pieces[i],
            chunks,
            prepared.blocks,
            camera,
            records,
            counts[i],
        )

    visible = run(pool, work, range(len(pieces)), progress)
    return Frame(view, camera, records, pieces, visible, counts, scratch)


def blend(
    frame: Frame,
    scene: rasterise.Scene,
    color_only: bool,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> ProxyRender:
    """Sort each tile's entries and blend them into the passes.

    Args:
        frame: the projected splats.
        scene: their attributes.
        color_only: leave the passes empty that the table calls extra.
        pool: does the work.
        progress: asked between pieces.

    Raises:
        Cancelled: through `progress`.
    """
    arrays = _empty_passes(frame.view, color_only)
    # The kernels draw no extras where they have no place for them.
    left_out = [each.name for each in DRAWN if color_only and each.extra]
    drawn = arrays | dict.fromkeys(left_out)
    passes = rasterise.Passes(**drawn)
    starts = frame.starts
    for band in bands_of(starts):
        entries = scatter(frame, band, starts, pool, progress)
        _blend_band(frame, band, starts, entries, scene, passes, pool, progress)
    return ProxyRender(view=frame.view, **arrays)


def _blend_band(
    frame: Frame,
    band: range,
    starts: np.ndarray,
    entries: np.ndarray,
    scene: rasterise.Scene,
    passes: rasterise.Passes,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> None:
    """Blend the tiles of a band; the other arguments are those of `rasterise.blend`."""
    spare = frame.scratch.take("spare", len(entries), np.uint64)
    base = starts[band.start]

    def work(part: range) -> None:
        tiles = range(band.start + part.start, band.start + part.stop)
        rasterise.blend(
            tiles,
            starts,
            base,
            entries,
            spare,
            frame.records,
            scene,
            frame.camera,
            passes,
        )

    pieces = -(-len(band) // TILES_PER_PIECE)
    run(pool, work, split(len(band), pieces), progress)


def scene_of(
    splats: Splats, normals: np.ndarray, colors: np.ndarray | None = None
) -> rasterise.Scene:
    """Return the splats' attributes that are blended.

    Args:
        splats: the splats.
        normals: (N, 3) float32, world, unsigned.
        colors: (N, 3) float32, C-contiguous and finite, in place of their own.
    """
    arrays = {"normals": normals}
    if colors is not None:
        arrays["colors"] = colors
    for attribute in BLENDED:
        if attribute.name not in arrays:
            arrays[attribute.name] = getattr(splats, attribute.name)
    return rasterise.Scene(**arrays)


def scatter(
    frame: Frame,
    band: range,
    starts: np.ndarray,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> np.ndarray:
    """Return the entries of a band's tiles, tile after tile, each tile's in the splats' order."""
    base = starts[band.start]
    # A piece's entries of a tile lie behind those of the pieces before it.
    entries_after = np.cumsum(frame.counts, axis=0, dtype=np.int64)
    entries_before = entries_after - frame.counts
    cursors = entries_before + (starts[:-1] - base)  # [pieces, tiles]
    count = int(starts[band.stop] - base)
    entries = frame.scratch.take("entries", count, np.uint64)

    def work(i: int) -> None:
        rasterise.scatter(
            frame.records,
            frame.first_record(i),
            frame.visible[i],
            frame.camera,
            band,
            cursors[i],
            entries,
        )

    run(pool, work, range(len(frame.pieces)), progress)
    return entries


def bands_of(starts: np.ndarray) -> list[range]:
    """Cut all tiles into bands of at most BAND_ENTRIES entries, or of one tile that has more."""
    tiles = len(starts) - 1
    bands = []
    first = 0
    while first < tiles:
        most = starts[first] + BAND_ENTRIES
        last = int(np.searchsorted(starts, most, side="right")) - 1
        last = min(max(last, first + 1), tiles)
        bands.append(range(first, last))
        first = last
    return bands


def _empty_passes(view: View, color_only: bool) -> dict[str, np.ndarray]:
    """Return an array for every pass; those that will not be drawn hold nothing."""
    return {each.name: _empty_pass(each, view, color_only) for each in DRAWN}


def _empty_pass(each: Pass, view: View, color_only: bool) -> np.ndarray:
    shape = (view.height, view.width, *each.shape)
    if color_only and each.extra:
        return np.full(shape, each.nothing, each.dtype)
    return np.empty(shape, each.dtype)
