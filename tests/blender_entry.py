"""Runs inside a Blender, before a scenario: enables the installed extension, runs the scenario, ends the process.

Called as `ENTRY WINDOW SCRIPT ARGUMENT... OUTPUT`; the scenario sees `sys.argv == [SCRIPT,
ARGUMENT..., OUTPUT]`. In a window the scenario goes on after its last line, in timers, and must end
the process itself with `os._exit`.
"""

import os
import runpy
import sys
import traceback

import bpy  # noqa: F401  before its siblings: a wheel finds them only then

# isort: split
import addon_utils

MODULE = "bl_ext.user_default.anchorstage"


def _finish(status):
    # The ordinary way out crashes bpy 4.2 and hangs bpy 4.5 where a class, a timer or a thread is
    # still alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _main(window, script, *arguments):
    sys.argv = [script, *arguments]
    done = False
    try:
        _, loaded = addon_utils.check(MODULE)
        if not loaded and addon_utils.enable(MODULE, default_set=True) is None:
            raise RuntimeError(f"{MODULE} cannot be enabled")
        runpy.run_path(script, run_name="__main__")
        done = True
    finally:
        if not done:
            traceback.print_exc()
            _finish(1)
    if window != "window":
        _finish(0)


_main(*(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]))
