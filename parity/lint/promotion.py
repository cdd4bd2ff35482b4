"""Which dtype two dtypes promote to, as MLX has it."""

_SIZES = {
    "bool_": 0,
    **{f"uint{n}": n for n in (8, 16, 32, 64)},
    **{f"int{n}": n for n in (8, 16, 32, 64)},
    "float16": 16,
    "bfloat16": 16,
    "float32": 32,
    "float64": 64,
    "complex64": 64,
}
NAMES = tuple(_SIZES)


def kind(name: str) -> str:
    """``bool``, ``uint``, ``int``, ``float`` or ``complex``."""
    return name.rstrip("0123456789_").removeprefix("b") if name != "bool_" else "bool"


def is_floating(name: str) -> bool:
    """Whether it is a real floating dtype."""
    return kind(name) == "float"


def promote(a: str, b: str) -> str:
    """The dtype of an operation on two arrays; empty if one of the dtypes is not known.

    Source: ``mlx.core.result_type``, with which a test compares every pair.
    """
    if not a or not b:
        return ""
    if a == b:
        return a
    ranks = ("bool", "uint", "int", "float", "complex")
    low, high = sorted((a, b), key=lambda n: (ranks.index(kind(n)), _SIZES[n]))
    kinds = (kind(low), kind(high))
    if kinds[0] == "bool" or kinds[1] == "complex":
        return high
    if kinds[0] == kinds[1]:
        return "float32" if {low, high} == {"float16", "bfloat16"} else high
    if kinds[1] == "float":
        return high
    size = max(_SIZES[high], 2 * _SIZES[low])  # signed and unsigned
    return f"int{size}" if size <= 64 else "float32"
