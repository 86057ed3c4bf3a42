"""Depth networks trained by others: they need torch, transformers, and a folder with weights."""
