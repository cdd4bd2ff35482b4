"""How much of a file is looked at before it is refused.

The largest published checkpoint has some 800 tensors, a header of 100 KB and a pickle of 20,000 instructions
in 200 KB; a checkpoint of training some five times that. Every limit is an order of magnitude above, and low
enough for an answer within seconds.
"""

TENSORS = 20_000
"""Tensors in a checkpoint."""

HEADER = 16 << 20
"""Bytes of a safetensors header, or of an index of shards; so many are parsed in some six seconds."""

CONFIG = 1 << 20
"""Bytes of a config.json."""

DIRECTORY = 8 << 20
"""Bytes of a zip file's list of members."""

PICKLE = 64 << 20
"""Bytes of pickles, tensors not counted."""

OPCODES = 1_000_000
"""Instructions of one pickle."""

POSITIONS = 1 << 20
"""Positions that tables may be extended to; the longest published model has 32,768."""

UNFOLDED = 4
"""Times the size of a PyTorch file that its tensors may take: a tied one stands there under three names."""

AXES = 16
"""Axes of one tensor."""
