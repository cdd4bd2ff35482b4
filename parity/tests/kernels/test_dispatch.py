"""Whether a word runs on its kernel: wishes, policies, devices, and who hears of it."""

import threading

import mlx.core as mx
import pytest

from mlx_impl import kernels, ops
from mlx_impl.kernels import Decision, Support
from mlx_impl.kernels.dispatch import YES, device, floats, wanted
from parity import msl

from .running import needs_compiler

NO = Support("too long")


def asked(kernel: bool | None, supports: Support = YES) -> Decision:
    """What a word with that wish is told."""
    heard: list[Decision] = []
    with kernels.observing(heard.append):
        answer = wanted(kernel, "word", "its_kernel", supports)
    (decision,) = heard
    assert decision.ran == answer
    return decision


def test_support_is_a_reason() -> None:
    """Yes is true and has none; no is false."""
    assert bool(YES)
    assert not NO
    assert NO.reason == "too long"


def test_the_callers_wish_goes_before_the_policy() -> None:
    """Off for one call, or on for one."""
    with kernels.use("on"):
        assert asked(False) == Decision("word", "its_kernel", False, "kernels are off")
    with kernels.use("off"):
        assert asked(True).ran
        assert asked(None).reason == "kernels are off"


def test_on_means_wherever_the_kernel_says_yes() -> None:
    """The device is not asked: somebody executes kernels."""
    with kernels.use("on"):
        assert asked(None) == Decision("word", "its_kernel", True, "")
        assert asked(None, NO) == Decision("word", "its_kernel", False, "too long")


def test_the_environment_has_the_policy_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no context has one; a word that it does not know is an error, and an empty one is none."""
    monkeypatch.setenv("MLX_IMPL_KERNELS", "on")
    assert asked(None).ran
    with kernels.use("off"):
        assert not asked(None).ran
    monkeypatch.setenv("MLX_IMPL_KERNELS", "off")
    assert asked(None).reason == "kernels are off"
    monkeypatch.setenv("MLX_IMPL_KERNELS", "of")
    with pytest.raises(ValueError, match=r"MLX_IMPL_KERNELS='of', expected one of .* mean 'off'"):
        asked(None)
    monkeypatch.setenv("MLX_IMPL_KERNELS", "")
    with msl.installed():
        assert asked(None).reason != "kernels are off"


@pytest.mark.skipif(mx.metal.is_available(), reason="there is Metal here")
def test_without_metal_auto_is_off_with_a_reason() -> None:
    """The device's reason, before the kernel's."""
    assert asked(None).reason == "MLX has no Metal here"
    assert asked(None, NO).reason == "MLX has no Metal here"


def test_with_metal_auto_needs_the_gpu_to_be_the_default() -> None:
    """Said with the remedy; then the kernel is asked."""
    with msl.installed(), mx.stream(mx.cpu):
        assert "mx.set_default_device(mx.gpu)" in device().reason
        assert "the default device is the CPU" in asked(None).reason


def test_must_and_cannot_is_an_error() -> None:
    """With the word, its kernel, the reason and what to do; nobody is told that it ran."""
    heard: list[Decision] = []
    says = r"word\(kernel=True\): kernel its_kernel cannot run this: too long; leave it out"
    with kernels.observing(heard.append), pytest.raises(ValueError, match=says):
        wanted(True, "word", "its_kernel", NO)
    assert heard == []


@pytest.mark.parametrize(("policy", "hint"), [("onn", "did you mean 'on'?"), ("metal", "auto, on, off")])
def test_an_unknown_policy_names_the_nearest(policy: str, hint: str) -> None:
    """And changes nothing."""
    with pytest.raises(ValueError, match=rf"kernels='{policy}'") as raised, kernels.use(policy):
        pass
    assert hint in str(raised.value)


def test_policies_nest_and_end() -> None:
    """Each is over with its context, after an error too."""
    with kernels.use("on"):
        with kernels.use("off"):
            assert not asked(None).ran
        assert asked(None).ran
        with pytest.raises(ZeroDivisionError), kernels.use("off"):
            1 / 0  # noqa: B018 - it is the error that is wanted
        assert asked(None).ran


def test_a_policy_is_this_contexts_own() -> None:
    """Another thread has the default, and no observer."""
    found: list[str] = []

    def other() -> None:
        found.append("on" if wanted(None, "word", "its_kernel", YES) else "not on")

    heard: list[Decision] = []
    with kernels.use("on"), kernels.observing(heard.append):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert found == ["on" if device() else "not on"]
    assert heard == [], "an observer hears of another thread"


def test_observers_come_and_go() -> None:
    """All of them hear; a context's end, after an error too, takes its own away."""
    one: list[Decision] = []
    two: list[Decision] = []
    with kernels.observing(one.append):
        with kernels.observing(two.append):
            wanted(False, "word", "its_kernel", YES)
        with pytest.raises(ValueError, match="too long"), kernels.observing(two.append):
            wanted(True, "word", "its_kernel", NO)
        wanted(False, "word", "its_kernel", YES)
    wanted(False, "word", "its_kernel", YES)
    assert (len(one), len(two)) == (2, 1)


@pytest.mark.parametrize(
    ("dtypes", "says"),
    [
        ([mx.float32], ""),
        ([mx.bfloat16, mx.bfloat16], ""),
        ([mx.float32, mx.float16], "the dtypes differ (mlx.core.float16, mlx.core.float32)"),
        ([mx.int32], "dtype mlx.core.int32 is none of float32, float16, bfloat16"),
        ([mx.complex64], "dtype mlx.core.complex64 is none of float32, float16, bfloat16"),
    ],
)
def test_one_dtype_that_kernels_know(dtypes: list[mx.Dtype], says: str) -> None:
    """Or the reason why not; absent arrays do not count."""
    assert floats(*(mx.zeros((2,), dtype=d) for d in dtypes), None).reason == says


def test_more_elements_than_an_index_reaches_are_refused() -> None:
    """With how many there are; nothing is computed to find out."""
    x = mx.broadcast_to(mx.zeros((1, 1)), (2**15, 2**14))
    assert not floats(x).reason
    y = mx.broadcast_to(mx.zeros((1, 1)), (2**15, 2**14 + 1))
    assert floats(x, y).reason == "536,903,680 elements, and kernels index at most 536,870,912"


@pytest.mark.parity_slow
@needs_compiler
def test_a_word_is_heard_once_and_is_the_same() -> None:
    """On its kernel or not: the same numbers, and one decision."""
    x, weight, bias = (mx.random.normal(s, key=mx.random.key(0)) for s in ((2, 9, 40), (9, 1, 3), (9,)))
    heard: list[Decision] = []
    with msl.installed(), kernels.observing(heard.append):
        on = ops.depthwise_conv1d(x, weight, bias, 2, kernel=True)
        off = ops.depthwise_conv1d(x, weight, bias, 2, kernel=False)
    assert [(d.word, d.kernel, d.ran) for d in heard] == [
        ("depthwise_conv1d", "depthwise_conv3", True),
        ("depthwise_conv1d", "depthwise_conv3", False),
    ]
    assert mx.allclose(on, off, atol=1e-5).item()


def test_a_dtype_that_no_kernel_knows_is_refused() -> None:
    """`floats` says no, and no is false: it must not become a yes on the way."""
    x, weight, bias = (mx.zeros(s) for s in ((2, 9, 40), (9, 1, 3), (9,)))
    with kernels.use("on"), pytest.raises(ValueError, match="the dtypes differ"):
        ops.depthwise_conv1d(mx.astype(x, mx.float16), weight, bias, 2, kernel=True)
