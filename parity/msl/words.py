"""The words for barriers and SIMD functions that findings are made of."""

from collections.abc import Callable, Mapping
from typing import Any

_NAMES = (
    "simd_sum simd_product simd_max simd_min simd_and simd_or simd_xor simd_prefix simd_broadcast "
    "simd_broadcast_first simd_shuffle simd_shuffle_up simd_shuffle_down simd_shuffle_xor "
    "simd_shuffle_rotate simd_shuffle_and_fill simd_ballot "
    "simd_all/simd_any simd_active_threads_mask simdgroup_multiply_accumulate mpp::tensor_ops"
).split()
FUNCTIONS = dict(enumerate(_NAMES))
QUAD = 32
"""As include/msl/functions.h numbers them; a function of quads has a bit of its own."""

SPACE_THREADGROUP = 4
SIMD_BARRIER = 2
"""As runtime/regions.h and runtime/sync.h number them."""


def flags_text(flags: int) -> str:
    """``mem_flags`` as it is written in Metal."""
    names = [
        name for bit, name in ((1, "mem_device"), (2, "mem_threadgroup"), (4, "mem_texture")) if flags & bit
    ]
    return " | ".join(f"mem_flags::{n}" for n in names) or "mem_flags::mem_none"


def mend_race(raw: Mapping[str, Any], place: Callable[[int], str]) -> str:
    """What orders the two accesses of a race."""
    if raw["kind"] == "group-race":
        return (
            "no barrier orders threadgroups: give each its own elements, use atomic operations, split the "
            "work into two kernels, or put a fence of device scope before an atomic write and after its read"
        )
    flag = "mem_threadgroup" if raw["space"] == SPACE_THREADGROUP else "mem_device"
    barrier = raw["barrier"]
    if barrier >= 0x100:
        has = flags_text(barrier & 0xFF)
        if raw["same_simd"] and (barrier & (2 if flag == "mem_threadgroup" else 1)) == 0:
            return f"the simdgroup_barrier between them has {has}; it needs mem_flags::{flag}"
    elif barrier >= 0:
        return f"the threadgroup_barrier between them has {flags_text(barrier)}; it needs mem_flags::{flag}"
    if raw["same_simd"]:
        return (
            f"simdgroup_barrier(mem_flags::{flag}) or threadgroup_barrier(mem_flags::{flag}) is missing "
            "between them: the lanes of a SIMD group are not in step by themselves"
        )
    return f"threadgroup_barrier(mem_flags::{flag}) is missing between them"
