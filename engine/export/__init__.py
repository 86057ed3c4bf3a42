"""Pictures for a compositor.

render ─► contract.frame_channels ─┐
                                   ├─► exr.write_exr ─► shot.0001.exr
view, camera ─► exr_header.header ─┘
Blender's File Output ─► finish.finish ─► the same file, the contract's names, our header
render ─► packed.frame_planes ─► packed.write_planes ─► raw floats for Blender's render passes
a whole shot ─► sequence.write_sequence
"""
