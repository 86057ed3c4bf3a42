"""AnchorStage's engine: one photo becomes a metric scene of splats, rendered to multi-pass EXRs.

    photo ─► image ─► depth ─► lift ─► render ─► export ─► shot.####.exr
                        └──► regions ──┘
                                all kept by scene (NAME.anchorstage/)

It knows no bpy. Its rooms import only rooms to their left; docs/architecture.md lists them.
"""
