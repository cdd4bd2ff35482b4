"""A kernel that asks a device what the Metal specification leaves open, and what the port's kernels rely on.

One SIMD group answers; each answer is 32 words, one a lane. On an Apple GPU the answers are the device's
fingerprint, and stand beside the executor's.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np

LANES = 32


@dataclass(frozen=True)
class Question:
    """What is asked: its name, Metal code whose value is the answer, and whether every device must agree."""

    name: str
    code: str
    fixed: bool


QUESTIONS = (
    Question("lanes of a SIMD group", "threads_per_simdgroup", True),
    Question("lane of a thread", "thread_index_in_simdgroup", True),
    Question("shuffle from the lane below", "simd_shuffle(lane, (lane + 31) & 31)", True),
    Question("row and column of a matrix's first element", "uint(matrix.thread_elements()[0])", True),
    Question("row and column of a matrix's second element", "uint(matrix.thread_elements()[1])", True),
    Question("division", "as_type<uint>(v / 3.0f)", True),
    Question("rounding to half", "uint(as_type<ushort>(half(v)))", True),
    Question("rounding to bfloat16", "uint(as_type<ushort>(bfloat16_t(v)))", True),
    Question("division of negative integers", "uint(below / 3 * 100 + below % 3)", True),
    Question("fused product and sum", "as_type<uint>(fma(v, v, -1.0f))", True),
    Question("sum of a SIMD group", "as_type<uint>(simd_sum(v))", False),
    Question("prefix sum of a SIMD group", "as_type<uint>(simd_prefix_inclusive_sum(v))", False),
    Question("contraction of v·v + c", "as_type<uint>(v * v + c)", False),
    Question("subnormal results", "as_type<uint>(v * tiny)", False),
    Question("exp", "as_type<uint>(exp(v))", False),
    Question("sin", "as_type<uint>(sin(v))", False),
    Question("precise::sin of large arguments", "as_type<uint>(precise::sin(100.0f * v))", False),
    Question("log", "as_type<uint>(log(v))", False),
    Question("rsqrt", "as_type<uint>(rsqrt(v))", False),
    Question("tanh", "as_type<uint>(tanh(v))", False),
    Question("fast::exp", "as_type<uint>(fast::exp(v))", False),
)


def source() -> str:
    """The body of the kernel."""
    asked = "\n".join(f"answers[{i * LANES} + lane] = {q.code};" for i, q in enumerate(QUESTIONS))
    return f"""
const uint lane = thread_index_in_simdgroup;
const int below = int(lane) - 16;
const float v = x[lane], c = -x[{LANES} + lane], tiny = x[{2 * LANES}];
simdgroup_matrix<float, 8, 8> matrix;
simdgroup_load(matrix, places, 8);
{asked}
"""


def ask() -> np.ndarray[Any, np.dtype[np.uint32]]:
    """The answers of whoever executes kernels now.

    Shapes: (questions, 32).
    """
    values = np.float32(1) + np.arange(1, LANES + 1, dtype=np.float32) / np.float32(97)
    # c is v² rounded: what contraction leaves of v·v − c is the rounding error, and without it nothing.
    given = np.concatenate([values, values * values, np.array([2.0**-127], np.float32)])
    kernel: Any = mx.fast.metal_kernel(
        name="canary", input_names=["x", "places"], output_names=["answers"], source=source()
    )
    (answers,) = kernel(
        inputs=[mx.array(given), mx.arange(64, dtype=mx.float32)],
        grid=(LANES, 1, 1),
        threadgroup=(LANES, 1, 1),
        output_shapes=[(len(QUESTIONS), LANES)],
        output_dtypes=[mx.uint32],
    )
    return np.array(answers)


def fingerprint(answers: np.ndarray[Any, np.dtype[np.uint32]]) -> str:
    """Twelve digits that change when any answer does."""
    return hashlib.sha256(answers.tobytes()).hexdigest()[:12]


@dataclass(frozen=True)
class Difference:
    """A question that two devices answer differently, in how many lanes, and whether they may."""

    question: str
    lanes: int
    allowed: bool


def differences(
    one: np.ndarray[Any, np.dtype[np.uint32]], other: np.ndarray[Any, np.dtype[np.uint32]]
) -> list[Difference]:
    """Where two devices' answers differ."""
    return [
        Difference(q.name, int((a != b).sum()), not q.fixed)
        for q, a, b in zip(QUESTIONS, one, other, strict=True)
        if (a != b).any()
    ]
