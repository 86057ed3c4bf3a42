"""One frame through the kernels: project, scatter, blend."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..camera import View
from ..kernels import rasterise
from ..kernels.constants import FRUSTUM_MARGIN, NEAREST
from ..progress import Progress
from ..splats.record import Splats
from ..tables.passes import DRAWN, EXTRAS
from .culling import Bounds, visible_chunks
from .parallel import run, split, thread_count
from .prepared import Prepared
from .record import ProxyRender, RenderOptions
from .scratch import Scratch

PIECES_PER_THREAD = 4  # so that threads finish together, and a cancel is seen soon
MAX_COUNTS = 1 << 22  # tile counters of all pieces together; bounds memory on the largest pictures
BAND_ENTRIES = (
    1 << 25
)  # entries sorted at a time, 16 bytes each: half a gigabyte, where splats overlap without end
TILES_PER_PIECE = 40  # a tile row of 1280 pixels; about a millisecond of blending


def kernel_camera(view: View, options: RenderOptions) -> rasterise.Camera:
    """The view in float32, with the frustum in which gsplat's Jacobian stays (1.5.3, `persp_proj`)."""
    inverse = view.camera_from_world
    focal, centre = np.array([view.fx, view.fy]), np.array([view.cx, view.cy])
    size = np.array([view.width, view.height])
    margin = FRUSTUM_MARGIN * 0.5 * size / focal
    photo = (
        (0.0, 0.0, 0.0)
        if options.photo_position is None
        else inverse[:3, :3] @ (options.photo_position - view.position)
    )
    return rasterise.Camera(
        rotation=tuple(inverse[:3, :3].ravel()),
        eye=tuple(view.position),
        focal=tuple(focal),
        centre=tuple(centre),
        slope_min=tuple(-centre / focal - margin),
        slope_max=tuple((size - centre) / focal + margin),
        photo=tuple(photo),
        near=max(options.near, NEAREST),
        photo_focal=(options.photo_focal or 0) if options.photo_position is not None else 0,
        has_photo=options.photo_position is not None,
        antialiased=options.antialiased,
        width=view.width,
        height=view.height,
        tiles_x=-(-view.width // rasterise.TILE_WIDTH),
    )


@dataclass(frozen=True, eq=False)
class Frame:
    """The splats of one view, projected and counted by tile; may be blended again with other colours."""

    view: View
    camera: rasterise.Camera
    records: (
        np.ndarray
    )  # (visible chunks * CHUNK,) RECORD; each piece's visible ones at its beginning
    pieces: list[range]  # of visible chunks
    visible: list[int]  # records of each piece
    counts: np.ndarray  # (pieces, tiles) int32, entries of each piece in each tile
    scratch: Scratch  # where records and entries lie

    @property
    def starts(self) -> np.ndarray:
        """(tiles + 1,) int64, where each tile's entries begin."""
        return np.concatenate([[0], np.cumsum(self.counts.sum(axis=0, dtype=np.int64))])


def seen(bounds: Bounds, view: View, options: RenderOptions) -> np.ndarray:
    """The numbers of the chunks that may show in this view, (M,) int32, ascending."""
    camera = kernel_camera(view, options)
    return visible_chunks(
        bounds, view, camera.near, (tuple(camera.slope_min), tuple(camera.slope_max))
    )


def project(
    prepared: Prepared,
    view: View,
    options: RenderOptions,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
    chunks: np.ndarray | None = None,
    scratch: Scratch | None = None,
) -> Frame:
    """Project every splat that may show, or those of these chunks (M,) int32, and count what lies in each tile.

    The frame lives in `scratch`, where one is given, until that is used again.
    """
    scratch = scratch or Scratch()
    camera = kernel_camera(view, options)
    chunks = seen(prepared.bounds, view, options) if chunks is None else chunks
    tiles = camera.tiles_x * -(-view.height // rasterise.TILE_HEIGHT)
    wanted = max(1, min(PIECES_PER_THREAD * thread_count(options.threads), MAX_COUNTS // tiles))
    pieces = split(len(chunks), wanted)
    records = scratch.take("records", len(chunks) * rasterise.CHUNK_SPLATS, rasterise.RECORD)
    counts = np.empty((len(pieces), tiles), np.int32)

    def work(i: int) -> int:
        return rasterise.project(pieces[i], chunks, prepared.blocks, camera, records, counts[i])

    return Frame(
        view,
        camera,
        records,
        pieces,
        run(pool, work, range(len(pieces)), progress),
        counts,
        scratch,
    )


def blend(
    frame: Frame,
    scene: rasterise.Scene,
    color_only: bool,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> ProxyRender:
    """Sort each tile's entries and blend them into the passes, in bands of tiles where there are very many."""
    arrays = _empty_passes(frame.view, color_only)
    passes = rasterise.Passes(**(arrays | dict.fromkeys(EXTRAS) if color_only else arrays))
    starts = frame.starts
    for band in bands_of(starts):
        entries = scatter(frame, band, starts, pool, progress)
        spare = frame.scratch.take("spare", len(entries), np.uint64)

        def work(
            part: range,
            entries: np.ndarray = entries,
            spare: np.ndarray = spare,
            base: int = starts[band.start],
        ) -> None:
            rasterise.blend(
                part, starts, base, entries, spare, frame.records, scene, frame.camera, passes
            )

        parts = split(len(band), -(-len(band) // TILES_PER_PIECE))
        run(pool, work, [range(band.start + p.start, band.start + p.stop) for p in parts], progress)
    return ProxyRender(view=frame.view, **arrays)


def scene_of(
    splats: Splats, normals: np.ndarray, colors: np.ndarray | None = None
) -> rasterise.Scene:
    """What of the splats is blended; `colors` (N, 3) float32, C-contiguous and finite, in place of their own."""
    return rasterise.Scene(
        colors=splats.colors if colors is None else colors,
        normals=normals,
        positions=splats.positions,
        confidence=splats.confidence,
        region=splats.region,
        origin=splats.origin,
    )


def scatter(
    frame: Frame,
    band: range,
    starts: np.ndarray,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> np.ndarray:
    """Entries of a band's tiles, by tile, each tile's in the splats' order."""
    base = starts[band.start]
    before = np.cumsum(frame.counts, axis=0, dtype=np.int64) - frame.counts
    cursors = before + (starts[:-1] - base)
    entries = frame.scratch.take("entries", int(starts[band.stop] - base), np.uint64)

    def work(i: int) -> None:
        first = frame.pieces[i].start * rasterise.CHUNK_SPLATS
        rasterise.scatter(
            frame.records, first, frame.visible[i], frame.camera, band, cursors[i], entries
        )

    run(pool, work, range(len(frame.pieces)), progress)
    return entries


def bands_of(starts: np.ndarray) -> list[range]:
    """All tiles, cut so that no band has more than BAND_ENTRIES entries unless a single tile has."""
    bands, first, tiles = [], 0, len(starts) - 1
    while first < tiles:
        last = int(np.searchsorted(starts, starts[first] + BAND_ENTRIES, side="right")) - 1
        last = min(max(last, first + 1), tiles)
        bands.append(range(first, last))
        first = last
    return bands


def _empty_passes(view: View, color_only: bool) -> dict[str, np.ndarray]:
    """Make an array for every pass; those that will not be drawn hold nothing."""
    passes = {}
    for one in DRAWN:
        shape: tuple[int, ...] = (view.height, view.width)
        if one.channels > 1:
            shape = (*shape, one.channels)
        if color_only and one.extra:
            passes[one.name] = np.full(shape, one.nothing, one.dtype)
        else:
            passes[one.name] = np.empty(shape, one.dtype)
    return passes
