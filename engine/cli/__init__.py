"""The `anchorstage` command."""
