"""The tolerance report: rows made readable, as JSON, as Markdown, and in a terminal."""

from .report import Report

__all__ = ["Report"]
