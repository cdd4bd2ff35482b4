"""Checkpoints: in, out, there and back, and what must never get in."""
