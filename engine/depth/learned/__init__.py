"""Depth networks that others have trained: they need torch and transformers, and a folder with their weights."""
