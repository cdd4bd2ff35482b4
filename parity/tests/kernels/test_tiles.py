"""Tiles of products: which there are, who chooses, and what a wrong choice says."""

import itertools
from typing import Any

import mlx.core as mx
import pytest

from mlx_impl.kernels.tiles import (
    DEPTHS,
    SIDES,
    THREADGROUP_MEMORY,
    VARIABLE,
    Tile,
    choose,
    for_two,
    of_architecture,
)

DTYPES = [mx.float32, mx.float16, mx.bfloat16]


@pytest.mark.parametrize(
    ("architecture", "sides"),
    [
        ("applegpu_g13p", (64, 32)),
        ("applegpu_g14g", (64, 32)),
        ("applegpu_g13s", (64, 64)),
        ("applegpu_g16c", (64, 64)),
        ("applegpu_g15d", (64, 64)),
        ("applegpu_g99x", (32, 32)),
        ("x86_64", (32, 32)),
        ("", (32, 32)),
    ],
)
def test_by_device(architecture: str, sides: tuple[int, int]) -> None:
    assert of_architecture(architecture) == sides


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rows_of_the_default_fill_a_transaction(dtype: Any) -> None:
    tile = choose(None, dtype)
    assert tile.k * dtype.size == 64
    assert tile.nbytes(dtype.size) <= THREADGROUP_MEMORY


def test_the_argument_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "64x32x16")
    assert choose(None, mx.float32) == Tile(64, 32, 16)
    assert str(choose("32x64x32", mx.float32)) == "32x64x32"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("64", ("'64'", "32x32x16")),
        ("axbxc", ("'axbxc'", "rows x columns x depth")),
        ("48x32x16", ("rows of 48", "32, 64, 128")),
        ("96x32x16", ("rows of 96", "32, 64, 128")),
        ("32x256x16", ("columns of 256", "32, 64, 128")),
        ("32x32x8", ("depth of 8", "16, 32")),
        ("128x128x32", ("73,728 bytes", "32,768", "halve")),
    ],
)
def test_what_there_is_not(text: str, says: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by argument nor by environment; the message says which of the two it was."""
    with pytest.raises(ValueError, match="tile=") as raised:
        choose(text, mx.float32)
    assert all(s in str(raised.value) for s in says)
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match=f"^{VARIABLE}="):
        choose(None, mx.float32)


def test_a_tile_for_which_there_may_be_no_registers() -> None:
    """It would fit threadgroup memory, and might be refused where it is launched."""
    with pytest.raises(ValueError, match=r"tile='128x128x16' takes 512 threads.* more than 384 .*: halve"):
        choose("128x128x16", mx.float16)
    assert choose("128x64x16", mx.float16).threads == 256


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_two_products_fit_where_one_does(dtype: Any) -> None:
    """Every tile that there is has one for the gated product."""
    for m in SIDES:
        for n in SIDES:
            for k in DEPTHS:
                tile = Tile(m, n, k)
                if tile.nbytes(dtype.size) <= THREADGROUP_MEMORY:
                    two = for_two(tile, dtype.size)
                    assert two.nbytes(dtype.size, 2) <= THREADGROUP_MEMORY, tile
                    assert two.m % 32 == two.n % 32 == 0
                    assert tile.threads <= 1024
                    assert 2 * two.threads <= 1024


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_threads_share_tiles_evenly(dtype: Any) -> None:
    """Each thread holds as many elements as every other of both tiles, of one product and of two at once."""
    accepted = 0
    for m, n, k in itertools.product(SIDES, SIDES, DEPTHS):
        if Tile(m, n, k).nbytes(dtype.size) > THREADGROUP_MEMORY or (m, n) == (128, 128):
            continue
        tile = choose(f"{m}x{n}x{k}", dtype)
        accepted += 1
        two = for_two(tile, dtype.size)
        for t, threads in ((tile, tile.threads), (two, 2 * two.threads)):
            assert t.m * t.k % threads == t.n * t.k % threads == 0, (tile, t)
            assert min(t.m, t.n) * t.k >= threads, (tile, t)
    assert accepted > len(SIDES) * len(SIDES) // 2


def test_the_results_that_are_staged_fit_too() -> None:
    """They stand where the tiles were: of each SIMD group 8 rows of 40 floats, of both halves for a gate."""
    for m in SIDES:
        for n in SIDES:
            assert Tile(m, n, 16).threads // 32 * 8 * 40 * 4 <= THREADGROUP_MEMORY
            assert for_two(Tile(m, n, 16), 2).threads // 16 * 2 * 8 * 40 * 4 <= THREADGROUP_MEMORY
