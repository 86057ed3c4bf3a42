"""Training of the depth network, on scenes that are sampled and ray-cast on the fly; needs torch and is no part of the zip.

draw ─► scenes (solids, camera) ─► raycast (depth, owner, second layer) ─► shading (picture) ─► photo (what a lens does)
                                                                                                   │
              checkpoint ─► export ─► weights   ◄─   trainer  ◄─  losses  ◄─  model (U-Net)  ◄─────┘

Run `python -m training --hours H --device cpu --out FOLDER [--resume] [--weights FILE]`.
"""
