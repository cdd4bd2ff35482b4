"""Timings, side by side in one run; nothing here passes or fails by them."""
