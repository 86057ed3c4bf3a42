"""The parts of build.py: set-up and packaging, with the standard library only."""
