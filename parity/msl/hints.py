"""What to do about a kernel that does not compile, where the compiler's message alone does not tell."""

import re

_HINTS = (
    (
        r"texture(?:1d|2d|3d|cube)|depth2d|\bsampler\b",
        "mx.fast.metal_kernel passes arrays alone, no textures and no samplers: read an array by its index",
    ),
    (r"\bprintf\b", "Metal has no printf: write what you want to see to an output, or use os_log"),
    (
        r"\bu?int[24]b_format\b",
        "the executor has no tensors of elements below a byte: unpack them into int8_t or half first",
    ),
    (
        r"simdgroup_event|simdgroup_async_copy|threadgroup_async_copy",
        "asynchronous copies are not in the language that Apple documents: copy in a loop, then a barrier",
    ),
    (
        r"[‘'](?:std|cooperative_groups|blockIdx|threadIdx|blockDim|__shared__)[’']",
        "this is not Metal but C++ or CUDA",
    ),
    (
        r"_(?:shape|strides|ndim)\b.*(?:was not declared|undeclared)"
        r"|undeclared identifier '\w+_(?:shape|strides|ndim)'",
        "MLX passes the shape, strides or ndim of an input that is not 0-dimensional, and of no output",
    ),
)


def hints(kernel: str, messages: str) -> list[str]:
    """Sentences for what a compiler said of a kernel of that name."""
    found = [hint for pattern, hint in _HINTS if re.search(pattern, messages)]
    if not re.fullmatch(r"\w+", kernel):
        found.append(
            f"MLX makes the name {kernel!r} a part of the function's, where only letters, digits and _ may be"
        )
    return found
