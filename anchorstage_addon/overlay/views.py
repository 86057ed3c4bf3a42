"""One cached picture of the splats for each 3D region.

It is drawn again only when view, data or settings change.

While a region's view moves, the first splats of the shuffled scene stand for all of them, each
larger. When it rests, a timer draws all of them into a second picture and swaps. On software
OpenGL it does so a slice at a time, so that Blender answers in between.
"""

import time
from dataclasses import dataclass

import bpy

from .. import session
from . import guard
from .painting import Order, Request, Target, draw_splats, on_software, ordered

REST_SECONDS = 0.25  # without a change, before all splats are drawn
TICK_SECONDS = 0.02  # between slices
SLICE_SECONDS = 0.05  # of drawing at a time on software OpenGL
SOFTWARE_SPLATS = 30_000  # on software OpenGL, while moving and in the first slice

# On software OpenGL, while moving: pixels of the region a pixel of the picture, on each axis.
# Filling pixels is the cost there.
SOFTWARE_SHRINK = 3

_LEAST_SLICE = 1_000  # splats: below it, the overhead of a slice outweighs its drawing
_SHORTEST_SECONDS = 1e-3  # of a slice that is timed: clocks are not finer everywhere
_FASTEST_FALL = 0.5  # factor on a slice: one odd timing decides little
_FASTEST_GROWTH = 2.0  # factor on a slice: one odd timing decides little


@dataclass
class RegionView:
    """One region's picture, and the finer one that may be on its way."""

    request: Request
    target: Target
    changed: float  # time.monotonic() of the last change
    complete: bool = False  # all splats are in `target`
    finer: Target | None = None
    drawn: int = 0  # places of the order already in `finer`
    slice_size: int = SOFTWARE_SPLATS  # places of the order
    order: Order | None = None  # the last one, used again where it still holds


class RegionViews:
    """The pictures of all regions."""

    def __init__(self) -> None:
        self.by_pointer: dict[int, RegionView] = {}


def picture(pointer: int, request: Request) -> Target:
    """Return the picture of a region for a request, at once.

    It is the cached one, or a new one of as many splats as can be drawn while the view moves.

    Args:
        pointer: of the region.
        request: everything that the picture depends on.
    """
    by_pointer = session.of(RegionViews).by_pointer
    view = by_pointer.get(pointer)
    if view is not None and view.request.key() == request.key():
        return view.target
    if view is None:
        forget_closed_regions()
        view = RegionView(request, Target(request.size), 0.0)
        by_pointer[pointer] = view
    view.request = request
    view.changed = time.monotonic()
    # The finer picture on its way is one of the last request.
    view.finer = None
    view.drawn = 0
    _draw_moving(view)
    if not view.complete and not bpy.app.timers.is_registered(_refine):
        bpy.app.timers.register(_refine, first_interval=REST_SECONDS)
    return view.target


def shown(pointer: int) -> Target | None:
    """Return the picture that a region shows at present."""
    view = session.of(RegionViews).by_pointer.get(pointer)
    return view.target if view else None


def settled() -> bool:
    """Return True where every picture has all splats."""
    views = session.of(RegionViews).by_pointer.values()
    return all(view.complete for view in views)


def drop() -> None:
    """Free every picture and stop refining."""
    if bpy.app.timers.is_registered(_refine):
        bpy.app.timers.unregister(_refine)
    session.of(RegionViews).by_pointer.clear()


def forget_closed_regions() -> None:
    """Free the pictures of regions that are gone."""
    by_pointer = session.of(RegionViews).by_pointer
    open_regions = _regions()
    for pointer in list(by_pointer):
        if pointer not in open_regions:
            del by_pointer[pointer]


def _draw_moving(view: RegionView) -> None:
    """Draw a view's picture anew, of the splats that can be drawn while the view moves."""
    request = view.request
    software = on_software()
    budget = request.moving_splats
    if software:
        budget = min(budget, SOFTWARE_SPLATS)
    scene_count = request.splats.count
    count = min(scene_count, budget)
    view.complete = count == scene_count
    size = request.size
    if software and not view.complete:
        size = _shrunk(size)
    # Most views keep their size, and so their textures.
    if view.target.size != size:
        view.target = Target(size)
    with view.target.bound(clear=True):
        view.order = ordered(request, count, view.order)
        draw_splats(request, size, view.order, 0, view.order.places)


def _shrunk(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a region's picture while it moves on software OpenGL, rounded up."""
    width, height = size
    columns = -(-width // SOFTWARE_SHRINK)
    rows = -(-height // SOFTWARE_SHRINK)
    return columns, rows


@guard.stops_drawing
def _refine() -> float | None:
    """Draw all splats of regions that have come to rest, then ask for their redraw.

    This is the timer; it returns the seconds until its next call, or None where it is done.
    """
    by_pointer = session.of(RegionViews).by_pointer
    waiting = [(pointer, view) for pointer, view in by_pointer.items() if not view.complete]
    now = time.monotonic()
    for pointer, view in waiting:
        if now - view.changed < REST_SECONDS:
            continue
        # One slice a call, so that Blender answers in between.
        _draw_slice(view)
        if view.complete:
            _redraw_region(pointer)
        return TICK_SECONDS
    return TICK_SECONDS if waiting else None


def _draw_slice(view: RegionView) -> None:
    """Draw the next slice of the finer picture; on a graphics card the slice is everything."""
    request = view.request
    if view.finer is None:
        view.finer = Target(request.size)
        view.drawn = 0
    view.order = ordered(request, request.splats.count, view.order)
    first = view.drawn
    last = view.order.places
    if on_software():
        last = min(last, first + view.slice_size)
    begun = time.monotonic()
    with view.finer.bound(clear=first == 0) as buffer:
        draw_splats(request, request.size, view.order, first, last)
        # Reading a pixel waits for the drawing: slices do not queue up and can be timed.
        buffer.read_color(0, 0, 1, 1, 4, 0, "FLOAT")
    seconds = time.monotonic() - begun
    view.slice_size = _next_slice_size(view.slice_size, seconds)
    view.drawn = last
    if last == view.order.places:
        view.target = view.finer
        view.finer = None
        view.complete = True


def _next_slice_size(slice_size: int, seconds: float) -> int:
    """Return the splats of the next slice, so that it takes SLICE_SECONDS.

    Args:
        slice_size: splats of the last slice.
        seconds: that it took.
    """
    seconds = max(seconds, _SHORTEST_SECONDS)
    growth = SLICE_SECONDS / seconds
    growth = min(max(growth, _FASTEST_FALL), _FASTEST_GROWTH)
    next_size = int(slice_size * growth)
    return max(_LEAST_SLICE, next_size)


def _regions() -> dict[int, bpy.types.Region]:
    """Return every region of every window's 3D viewports, by pointer."""
    regions = {}
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    regions[region.as_pointer()] = region
    return regions


def _redraw_region(pointer: int) -> None:
    """Ask a region for a redraw, if it is still open."""
    region = _regions().get(pointer)
    if region is not None:
        region.tag_redraw()
