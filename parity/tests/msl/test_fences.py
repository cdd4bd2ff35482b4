"""Threads of a threadgroup that fences and an atomic flag order: with all parts clean, without one a race.

Source: Metal Shading Language Specification, atomic_thread_fence: a fence before an atomic write synchronises with
a fence after the atomic read that sees it, for the memory that both name, within a scope that has both threads.
"""

import pytest

from .helpers import kinds

pytestmark = pytest.mark.parity_slow


def fence(memory: str = "threadgroup", scope: str = "threadgroup") -> str:
    return f"atomic_thread_fence(mem_flags::mem_{memory}, memory_order_seq_cst, thread_scope_{scope});"


FENCE = fence()
START = """
    threadgroup float data;
    threadgroup atomic_uint flag[3];
    const uint t = thread_position_in_threadgroup.x;
    if (t < 3) atomic_store_explicit(&flag[t], 0u, memory_order_relaxed);
    if (t == 32) data = 3;
    threadgroup_barrier(mem_flags::mem_threadgroup);
"""
SET = "atomic_store_explicit(&flag[0], 1u, memory_order_relaxed);"


def wait(i: int = 0) -> str:
    return f"while (atomic_load_explicit(&flag[{i}], memory_order_relaxed) == 0) {{}}"


def of(body: str, threads: int = 64) -> set[str]:
    return kinds(START + body, shape=(2,), grid=(threads, 1, 1), threadgroup=(threads, 1, 1), schedules=6) - {
        "unwritten"
    }


@pytest.mark.parametrize(("released", "acquired", "reads_first", "clean"), [
    (FENCE, FENCE, False, True), (FENCE, FENCE, True, True), (FENCE, "", False, False), ("", FENCE, True, False),
    ("", FENCE, False, False), (FENCE, fence("device"), True, False),
    (fence(scope="simdgroup"), fence(scope="device"), False, False),
], ids="both giving-back none-after none-before-giving-back none-before other-memory narrow-scope".split())  # fmt: skip
def test_a_flag_between_two_fences(released: str, acquired: str, reads_first: bool, clean: bool) -> None:
    """The one hands over what it has written, or a place that it has read."""
    first, then = ("out[0] = data;", "data = 7;") if reads_first else ("data = 5;", "out[0] = data;")
    body = f"if (t == 0) {{ {first} {released} {SET} }}\nif (t == 32) {{ {wait()} {acquired} {then} }}"
    assert of(body) == (set() if clean else {"race"})


def test_a_fence_before_the_write_orders_nothing() -> None:
    assert of(
        f"if (t == 0) {{ {FENCE} data = 5; {SET} }} if (t == 32) {{ {wait()} {FENCE} out[0] = data; }}"
    ) == {"race"}


@pytest.mark.parametrize("last", [0, 1])
def test_what_one_has_learnt_goes_on_with_its_own_flag(last: int) -> None:
    """The third thread hears from the second, or from the first through a variable that the second has changed."""
    body = f"""
        if (t == 0) {{ data = 5; {FENCE} {SET} }}
        if (t == 32) {{
            {wait()} {FENCE if last else ""}
            atomic_fetch_add_explicit(&flag[{last}], 1u, memory_order_relaxed);
        }}
        if (t == 64) {{
            while (atomic_load_explicit(&flag[{last}], memory_order_relaxed) < {2 - last}) {{}}
            {FENCE}
            out[0] = data;
        }}
    """
    assert of(body, 96) == set()


def test_barriers_pass_on_what_a_lane_knows() -> None:
    """All lanes write, one of them sets the flag; one lane waits for it, and all read."""
    body = f"""
        threadgroup float tile[32];
        const uint lane = thread_index_in_simdgroup;
        if (t < 32) {{
            tile[lane] = lane;
            simdgroup_barrier(mem_flags::mem_threadgroup);
            if (lane == 0) {{ {FENCE} {SET} }}
        }} else {{
            if (lane == 0) {{ {wait()} {FENCE} }}
            simdgroup_barrier(mem_flags::mem_threadgroup);
            if (lane < 2) out[lane] = tile[31 - lane];
        }}
    """
    assert of(body) == set()
    assert of(body.replace(FENCE, "")) == {"race"}


def test_in_device_memory() -> None:
    device = fence("device", "device")
    body = f"""
        device atomic_uint* ready = (device atomic_uint*)(out + 1);
        if (t == 0) {{ out[0] = 5; BEFORE atomic_store_explicit(ready, 1u, memory_order_relaxed); }}
        if (t == 32) {{ while (atomic_load_explicit(ready, memory_order_relaxed) == 0) {{}} {device} out[2] = out[0]; }}
    """
    call = {"shape": (3,), "grid": (64, 1, 1), "threadgroup": (64, 1, 1), "init_value": 0, "schedules": 4}
    text = f"const uint t = thread_position_in_threadgroup.x;{body}"
    assert kinds(text.replace("BEFORE", device), **call) == set()
    assert kinds(text.replace("BEFORE", ""), **call) == {"race"}


DEVICE = fence("device", "device")
LAST = """
    threadgroup bool last;
    const uint t = thread_position_in_threadgroup.x, g = threadgroup_position_in_grid.x;
    device atomic_uint* count = (device atomic_uint*)(out + 256);
    EARLY
    out[g * 64 + t] = t;
    RELEASE
    threadgroup_barrier(mem_flags::mem_device);
    if (t == 0) last = atomic_fetch_add_explicit(count, 1u, memory_order_relaxed) == 3;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (!last) return;
    ACQUIRE
    out[257 + t] = out[t] + out[64 + t] + out[128 + t] + out[192 + t];
"""


@pytest.mark.parametrize(("early", "released", "acquired", "clean"), [
    ("", DEVICE, DEVICE, True), ("", DEVICE, "", False), ("", "", DEVICE, False), (DEVICE, "", DEVICE, False),
    ("", fence("device"), DEVICE, False), ("", fence("threadgroup", "device"), DEVICE, False),
], ids="both none-after none-before too-early narrow-scope other-memory".split())  # fmt: skip
def test_the_last_threadgroup_reads_what_the_others_wrote(
    early: str, released: str, acquired: str, clean: bool
) -> None:
    text = LAST.replace("EARLY", early).replace("RELEASE", released).replace("ACQUIRE", acquired)
    call = {"shape": (321,), "grid": (256, 1, 1), "threadgroup": (64, 1, 1), "init_value": 0, "schedules": 4}
    assert kinds(text, **call) == (set() if clean else {"group-race"})
