"""Training of the depth network, on scenes that are sampled and ray-cast on the fly.

    draw ─► scenes (solids, camera) ─► raycast (depth, owner, second layer) ─► shading (picture)
                                                                                      │
    weights ◄─ export ◄─ trainer ◄─ losses ◄─ model (U-Net) ◄─ photo (what a lens does)

It needs torch and is no part of the zip. It may import the engine, which never imports it. Run
`python -m training --hours H --device cpu --out FOLDER [--resume] [--weights FILE]`.
"""
