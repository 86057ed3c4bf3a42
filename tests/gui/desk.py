"""A person at Blender's window, for scenario scripts: waits, mouse clicks, screenshots.

A scenario is a generator; it yields the seconds it wants to wait while Blender goes on with its own
loop.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path

import bpy
import overlay_screen

TICK = 0.05  # seconds


def play(scenario, output):
    """Run a generator in Blender's timers; write its return value as JSON and end the process."""
    steps = scenario()

    def step():
        try:
            return next(steps)
        except StopIteration as done:
            Path(output).write_text(json.dumps(done.value, default=str), encoding="utf-8")
            _leave(0)
        except Exception:  # noqa: BLE001  whatever it was, the window must close
            traceback.print_exc()
            _leave(1)

    bpy.app.timers.register(step, first_interval=1.0, persistent=True)


def _leave(status):
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def until(condition, seconds, what):
    """Wait for a condition; give what it gave."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        yield TICK
    raise AssertionError(f"{what} did not happen within {seconds} s")


def window():
    """The first window."""
    return bpy.context.window_manager.windows[0]


def viewport():
    """The largest 3D viewport of the first window."""
    areas = [area for area in window().screen.areas if area.type == "VIEW_3D"]
    return max(areas, key=lambda area: area.width * area.height)


def part(area, kind):
    """A region of an area by type."""
    return next(region for region in area.regions if region.type == kind)


def overridden(area=None):
    """A context of the viewport's main region."""
    area = area or viewport()
    return bpy.context.temp_override(window=window(), area=area, region=part(area, "WINDOW"))


def open_sidebar(category="AnchorStage"):
    """Show the sidebar with our tab; a step of a generator."""
    viewport().spaces.active.show_region_ui = True
    for _ in range(40):
        yield 0.25
        sidebar = part(viewport(), "UI")
        try:
            if sidebar.active_panel_category == category:
                return
            sidebar.active_panel_category = category
        except (AttributeError, TypeError):
            continue  # before its first drawing a region has no categories
        sidebar.tag_redraw()
    raise AssertionError(f"the sidebar does not show {category}")


def click(x, y):
    """Click at window coordinates, from the lower left; a step of a generator."""
    for type_, value in (
        ("MOUSEMOVE", "NOTHING"),
        ("LEFTMOUSE", "PRESS"),
        ("LEFTMOUSE", "RELEASE"),
    ):
        window().event_simulate(type=type_, value=value, x=int(x), y=int(y))
        yield 0.15


def screenshot(path):
    """What the screen shows, as PNG."""
    overlay_screen.write_png(str(path), overlay_screen.grab(window().width, window().height))
