"""Known porting bugs, to test the harness with."""

from .catalogue import Bug, bug, load

__all__ = ["Bug", "bug", "load"]
