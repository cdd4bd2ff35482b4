"""Where points lie in threadgroup memory: no lanes meet in a bank, but where no layout keeps them apart."""

import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from mlx_impl.kernels.fft_geometry import BLOCK, SHORTEST, radix
from mlx_impl.kernels.metal_kernel import file_text

Places = npt.NDArray[np.int64]
LENGTHS = [SHORTEST << i for i in range((BLOCK // SHORTEST).bit_length())]
BANKS = 16
"""Pairs of banks: a complex number takes two."""


def masks_of(r: int) -> dict[int, int]:
    """Bit of a place → what it changes of the bits below 16, as the source has it."""
    text = file_text("fft_conv")
    lines = text[text.index("int slot(int i) {") :].split(";")[:3]
    line = lines[{2: 0, 4: 1, 8: 2}[r]]
    assert (f"R == {r}" in line) == (r != 8)
    return {int(bit): int(mask) for bit, mask in re.findall(r"i & (\d+) \? (\d+) : 0", line)}


def digits(m: int, r: int) -> Iterator[tuple[int, int]]:
    """Radix and points of the blocks after each pass."""
    while m > 1:
        step = min(m, r)
        m //= step
        yield step, m


def frequency(i: int, m: int, r: int) -> int:
    """The frequency whose value is in place i."""
    found, weight = 0, 1
    for step, block in digits(m, r):
        found += i // block % step * weight
        weight *= step
    return found


def place(f: int, m: int, r: int) -> int:
    """Where the value of a frequency is."""
    found = 0
    for step, block in digits(m, r):
        found += f % step * block
        f //= step
    return found


def accesses(m: int, r: int) -> tuple[Places, Places]:
    """The places that a SIMD group accesses at once: in all passes, and for opposite frequencies."""
    plain, mirrored = [], []
    for first in range(0, m // r, 32):
        lanes = range(first, first + 32)
        for i in range(r):
            plain.append([j * r + i for j in lanes])
            mirrored.append([place(-frequency(j * r + i, m, r) % m, m, r) for j in lanes])
            for _, stride in digits(m, r):
                if stride * r > r:
                    plain.append([j // stride * stride * r + j % stride + i * stride for j in lanes])
    return np.unique(np.array(plain), axis=0), np.array(mirrored)


def conflicts(places: Places, masks: Sequence[tuple[int, int]]) -> int:
    """How often an access waits: lanes of one bank beyond the two that 32 lanes and 16 banks make."""
    banks = places % BANKS
    for bit, mask in masks:
        banks = banks ^ np.where(places & bit, mask, 0)
    most = np.stack([(banks == b).sum(axis=1) for b in range(BANKS)]).max(axis=0)
    return int((most - len(places[0]) // BANKS).sum())


@pytest.mark.parametrize("m", LENGTHS)
def test_no_pass_conflicts(m: int) -> None:
    """Whatever its stride; opposite frequencies do in eight accesses of a transform at the most."""
    r = radix(m)
    plain, mirrored = accesses(m, r)
    masks = list(masks_of(r).items())
    assert masks
    assert conflicts(plain, masks) == 0
    assert conflicts(plain, []) > 0
    assert conflicts(mirrored, masks) <= 8


@pytest.mark.parametrize("m", LENGTHS[:2])
def test_opposites_conflict_as_little_as_in_any_layout(m: int) -> None:
    """Of all that mix the bits of an address: none is without, and ours is among the best."""
    r = radix(m)
    plain, mirrored = accesses(m, r)
    bits = [1 << b for b in range(4, m.bit_length() - 1)]
    tried = (list(zip(bits, masks, strict=True)) for masks in itertools.product(range(16), repeat=len(bits)))
    fewest = min(conflicts(mirrored, masks) for masks in tried if conflicts(plain, masks) == 0)
    assert 0 < fewest == conflicts(mirrored, list(masks_of(r).items()))
