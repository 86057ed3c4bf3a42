"""The wire between Blender and the engine.

    pipe (standard input and output of a process; a queue of a thread) ─► server: lanes ─► jobs
                                    protocol: one JSON object a line

Another way in, over a network say, is a file beside `pipe`: it gives `server.serve` lines to read,
somewhere to send, and its own kind of blobs.
"""
