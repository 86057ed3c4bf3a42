"""The parts of a scene's folder; each file here is the only one that reads and writes its part.

| part | files | field of `Scene` |
|---|---|---|
| `photo` | the photo as it came | `photo` |
| `splats` | `splats.ply` | `splats` |
| `levels` | `levels.bin` | `levels` |
| `maps` | `maps/*.exr`, `maps/*.png` | `maps` |
| `regions` | `regions/*.png` | `regions` |

A part has `entries` (the names in the folder that are its own), `write`, `to_json` where
`scene.json` tells of it, and `read`.
"""
