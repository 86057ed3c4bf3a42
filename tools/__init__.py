"""What build.py is made of: set-up and packaging, standard library only."""
