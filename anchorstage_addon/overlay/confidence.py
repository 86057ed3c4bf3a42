"""The classes of confidence that the overlay shows in green, yellow and red.

The shader, the panel's legend and the settings' tooltip read their bounds here. The metadata of
exported frames speaks of the same classes.
"""

TRUSTED = 0.8  # green above it, yellow from GUESSED to it
GUESSED = 0.5  # red below it
