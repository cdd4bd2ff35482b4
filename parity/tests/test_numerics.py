"""Numerical profiles: values that choose, by argument or by context, and what the harness makes of them."""

import math
import threading
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="profiles are held against the reference")

import mlx.core as mx
import torch

import mlx_impl
import reference
from mlx_impl import CANONICAL, FAST, PROFILES, STABLE, Profile, einops, ops
from mlx_impl.ops._fft import next_smooth
from mlx_impl.profiles import resolve
from parity import numerics
from parity.cli.main import main
from parity.dtypes import FLOAT32
from parity.environment import environment_class
from parity.errors import UsageError
from parity.nodes import Target
from parity.record import read_rows
from parity.report import Report
from parity.report.markdown import markdown
from parity.settings import Settings
from parity.sidebyside import case_of, compare_profiles, rows
from parity.sides import Task, get
from parity.spec import REGISTRY, OpSpec

MLX = Target("mlx", "cpu", "mlx")


def draw(*shape: int, seed: int = 0) -> mx.array:
    """Normal numbers."""
    return mx.array(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def same(x: Any, y: Any) -> bool:
    """Bit for bit, of either framework."""
    one, other = (a.detach().numpy() if isinstance(a, torch.Tensor) else np.array(a) for a in (x, y))
    return one.shape == other.shape and one.tobytes() == other.tobytes()


# -- values ---------------------------------------------------------------------------------------------


def test_a_profile_is_a_value() -> None:
    """Frozen, equal by content, named."""
    assert Profile(name="canonical") == CANONICAL
    assert {p.name for p in (CANONICAL, STABLE, FAST)} == set(PROFILES) == set(numerics.NAMES)
    with pytest.raises(FrozenInstanceError):
        CANONICAL.erf = "rational"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ("stabel", ValueError, "did you mean 'stable'"),
        ("", ValueError, "canonical, stable, fast"),
        (3, TypeError, "is int, expected a Profile"),
    ],
)
def test_what_is_no_profile_is_an_error(wrong: object, error: type[Exception], says: str) -> None:
    """With the nearest, by argument and by context; the context is left as it was."""
    with pytest.raises(error, match=says):
        ops.gelu(mx.zeros(3), profile=wrong)  # type: ignore[arg-type]
    with pytest.raises(error, match=says), mlx_impl.use(wrong):  # type: ignore[arg-type]
        pytest.fail("the profile was taken")
    assert resolve(None) is CANONICAL


def test_a_choice_that_is_not_there_is_an_error() -> None:
    """With the field, the value and the nearest."""
    with pytest.raises(ValueError, match=r"erf='rationl', expected one of .* did you mean 'rational'"):
        Profile(name="mine", erf="rationl")  # type: ignore[arg-type]


def test_the_context_is_left_as_it_was() -> None:
    """Nested, after an exception, and with None, which changes nothing."""
    with mlx_impl.use(STABLE) as outer:
        assert outer is resolve(None) is STABLE
        with mlx_impl.use("fast"):
            assert resolve(None) is FAST
        with pytest.raises(RuntimeError), mlx_impl.use("fast"):
            raise RuntimeError
        with mlx_impl.use(None):
            assert resolve(None) is STABLE
        assert resolve("canonical") is CANONICAL
    assert resolve(None) is CANONICAL


def test_threads_have_contexts_of_their_own() -> None:
    """A thread starts with the default, and what it uses disturbs nobody."""
    seen: list[Profile] = []

    def other() -> None:
        seen.append(resolve(None))
        with mlx_impl.use(FAST):
            inside.set()
            done.wait(5)

    inside, done = threading.Event(), threading.Event()
    with mlx_impl.use(STABLE):
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(5)
        assert resolve(None) is STABLE
        done.set()
        thread.join()
    assert seen == [CANONICAL]


# -- choices --------------------------------------------------------------------------------------------

U, K, K_REV, D = draw(1, 2, 50), draw(2, 50, seed=1), draw(2, 50, seed=2), draw(2, seed=3)
X, WIDE = draw(4, 768), draw(4, 777)
HALF = X.astype(mx.bfloat16)


def mean_of_columns(profile: Profile) -> mx.array:
    """By einops, which a context alone tells the profile."""
    with mlx_impl.use(profile):
        return einops.reduce(mx.abs(HALF), "a (b c) -> c", "mean", b=3).astype(mx.float32)


EFFECTS: list[tuple[str, str, Callable[[Profile], mx.array]]] = [
    ("kernels", "time", lambda p: ops.long_conv(U, K, D, K_REV, profile=p)),
    ("scale", "inverse", lambda p: ops.long_conv(U, K, D, profile=p)),
    ("points", "smooth", lambda p: ops.conv1d_fft(U[..., :47], K, profile=p)),
    ("erf", "rational", lambda p: ops.gelu(X, profile=p)),
    ("erf", "complement", lambda p: ops.gelu(X, profile=p)),
    ("softmax", "blocks", lambda p: ops.softmax(X, -1, profile=p)),
    ("softmax", "precise", lambda p: ops.softmax(HALF, -1, profile=p).astype(mx.float32)),
    ("sums", "blocks", lambda p: ops.l2_normalize(WIDE, profile=p)),
    ("products", "blocks", lambda p: ops.linear(X, X, profile=p)),
    ("means", "mlx", mean_of_columns),
    ("taps", "shifts", lambda p: ops.depthwise_conv1d(U, draw(2, 1, 3), D, 2, profile=p)),
]
IN_HALF = {"precise": 2.0**-8, "mlx": 2.0**-6}
"""Softmax is rounded once more; a mean by MLX three times, by 2⁻⁸ each, against once."""
SAME_BITS = {"precise", "shifts"}
"""Choices that may come to the same bits: one rounding to half precision, three products and their sum."""


@pytest.mark.parametrize(("field", "choice", "say"), EFFECTS, ids=[f"{f}-{c}" for f, c, _ in EFFECTS])
def test_every_choice_is_another_way_to_the_same_numbers(
    field: str, choice: str, say: Callable[[Profile], mx.array]
) -> None:
    """Other bits, and as near as the format allows; by argument or by context alike."""
    changed = replace(CANONICAL, name="changed", **{field: choice})  # type: ignore[arg-type]
    plain, other = say(CANONICAL), say(changed)
    assert choice in SAME_BITS or not same(plain, other)
    unit = IN_HALF.get(choice, 2.0**-18)
    np.testing.assert_allclose(np.array(other), np.array(plain), rtol=unit, atol=unit)


@pytest.mark.parametrize(
    ("n", "smooth"), [(2, 2), (14, 16), (94, 96), (2000, 2000), (2042, 2048), (4098, 4320)]
)
def test_the_next_smooth_number(n: int, smooth: int) -> None:
    """Even, and of no prime factor above 5."""
    assert next_smooth(n) == smooth


def test_every_choice_has_been_tried() -> None:
    """All but the defaults, and what only kernels choose."""
    hints = {f.name for f in fields(Profile)} - {"name", "transforms", "layers"}
    assert {field for field, _, _ in EFFECTS} == hints


def test_the_argument_goes_before_the_context() -> None:
    """And a word that says others takes its own with it."""
    with mlx_impl.use(FAST):
        assert same(ops.gelu(X, profile=CANONICAL), ops.gelu(X, profile="canonical"))
        assert not same(ops.gelu(X, profile=CANONICAL), ops.gelu(X))
        assert same(ops.gelu(X), ops.gelu(X, profile=FAST))
        within = ops.fftconv(U, K, D, profile=CANONICAL)
    assert same(within, ops.fftconv(U, K, D))
    assert not same(within, ops.fftconv(U, K, D, profile=FAST))


def test_softmax_left_to_mlx_has_a_gradient_of_its_own() -> None:
    """In bfloat16 MLX's accumulates in bfloat16; this one is as near as one rounding allows."""
    weights = draw(4, 768, seed=5).astype(mx.bfloat16)
    precise = replace(CANONICAL, name="precise", softmax="precise")

    def loss(x: mx.array, profile: Profile) -> mx.array:
        return mx.sum(mx.multiply(ops.softmax(x, -1, profile=profile), weights).astype(mx.float32))

    found = [np.array(mx.grad(loss)(HALF, p).astype(mx.float32)) for p in (CANONICAL, precise)]
    assert np.abs(found[1] - found[0]).max() <= 2.0**-6 * np.abs(found[0]).max()


def test_the_polynomials_of_gelu_keep_what_they_claim() -> None:
    """erf to 4e-7 anywhere; the lower tail to 10 + a² units roundoff of itself."""
    from mlx_impl.ops._gelu import _erf_rational, _tail

    x = np.linspace(-7, 7, 20001, dtype=np.float32)
    exact = np.array([math.erf(v / math.sqrt(2)) for v in x.astype(float)])
    assert np.abs(np.array(_erf_rational(mx.array(x))) - exact).max() < 4e-7
    a = np.linspace(0, 12, 20001, dtype=np.float32)
    tail = np.array([math.erfc(v / math.sqrt(2)) / 2 for v in a.astype(float)])
    units = np.abs(np.array(_tail(mx.array(a))) / tail - 1) * 2.0**24
    assert (units < 10 + a.astype(float) ** 2).all()


@pytest.mark.parity_slow
@pytest.mark.parametrize("name", list(PROFILES))
def test_what_surrounds_a_word_works_in_each_profile(name: str) -> None:
    """Mapped over a batch, and differentiated twice."""
    x = draw(3, 33)
    mapped = mx.vmap(lambda v: ops.softmax(v, -1, profile=name))(x)
    np.testing.assert_allclose(np.array(mapped), np.array(ops.softmax(x, -1)), atol=1e-6)
    slope = mx.grad(lambda v: mx.sum(ops.gelu(v, profile=name)))
    curvature = mx.grad(lambda v: mx.sum(slope(v)))(x)
    exact = torch.tensor(np.array(x), dtype=torch.float64, requires_grad=True)
    first = torch.autograd.grad(torch.nn.functional.gelu(exact).sum(), exact, create_graph=True)[0]
    second = torch.autograd.grad(first.sum(), exact)[0].numpy()
    np.testing.assert_allclose(np.array(curvature), second, atol=2e-5)


@pytest.mark.parity_slow
def test_a_compiled_function_keeps_the_profile_of_its_tracing() -> None:
    """Whatever is in force when it is called."""
    gelu = mx.compile(ops.gelu)
    with mlx_impl.use("fast"):
        first = gelu(X)
    assert same(gelu(X), first)


# -- words and layers -----------------------------------------------------------------------------------

GLU = {"hidden_size": 16, "intermediate_size": 22, "use_glu_mlp": True, "use_monarch_mlp": True}


@pytest.mark.parametrize("gated", [True, False])
def test_the_mlp_of_the_model_is_the_word(gated: bool) -> None:
    """Layer, residual and normalization are the function's result with those two, bit for bit."""
    from mlx_impl.layers import BertGatedLinearUnitMLP, BertMLP

    config = mlx_impl.M2BertConfig.from_dict(GLU)
    layer = (BertGatedLinearUnitMLP if gated else BertMLP)(config)
    layer.eval()
    x = draw(2, 5, 16)
    features = 44 if gated else 22
    y = ops.monarch_mlp_forward(
        x, layer.gated_layers.weight, layer.wo.weight, b2=layer.wo.bias, gated=gated, features=features
    )
    norm = layer.layernorm
    assert same(layer(x), ops.layer_norm(ops.add(y, x), norm.weight, norm.bias, norm.eps))


@pytest.mark.parametrize("inner", [0, 2])
@pytest.mark.parametrize("package", [mlx_impl, reference], ids=["port", "reference"])
def test_the_filter_of_the_model_is_the_word(package: Any, inner: int) -> None:
    """The forward kernel of a HyenaFilter, bit for bit, with and without inner layers."""
    layer = package.layers.HyenaFilter(8, emb_dim=5, order=16, seq_len=12, num_inner_mlps=inner, w=3)
    network = layer.implicit_filter

    def at(i: int) -> Any:
        return network[str(i)] if package is mlx_impl else network[i]

    stack: Any = mx.stack if package is mlx_impl else torch.stack
    zeros: Any = mx.zeros if package is mlx_impl else torch.zeros
    middle = [at(2 + 2 * i) for i in range(inner)]
    z, t = layer.pos_emb(12)
    h = package.ops.hyena_filter_forward(
        z,
        t,
        at(0).weight,
        at(0).bias,
        stack([m.weight for m in middle]) if inner else zeros((0, 16, 16)),
        stack([m.bias for m in middle]) if inner else zeros((0, 16)),
        at(2 + 2 * inner).weight,
        at(1).freq,
        layer.modulation.deltas,
    )
    assert same(h, layer.filter(12))


def test_both_forms_of_a_two_sided_convolution_differ_by_one_lag() -> None:
    """The padded form is the conjugate one of a reverse kernel that is one lag later."""
    late = mx.concatenate([mx.zeros((2, 1)), K_REV[:, :-1]], axis=-1)
    padded = ops.long_conv_bidirectional(U, K, K_REV, D, "padded")
    conjugate = ops.long_conv_bidirectional(U, K, late, D, "conjugate")
    np.testing.assert_allclose(np.array(padded), np.array(conjugate), atol=2e-5)


def test_the_dft_is_a_monarch_matrix() -> None:
    """With twiddles in the first factor and the input read by columns: 6·4 points in natural order."""
    n1, n2 = 6, 4
    a, b, c, d = (np.arange(n) for n in (n1, n2, n1, n2))
    w1 = np.exp(
        -2j * np.pi * (np.multiply.outer(c, a)[None] / n1 + b[:, None, None] * c[:, None] / (n1 * n2))
    )
    w2 = np.broadcast_to(np.exp(-2j * np.pi * np.multiply.outer(d, b) / n2), (n1, n2, n2))
    x = np.random.default_rng(0).standard_normal((3, n1 * n2))
    factors = [torch.tensor(np.ascontiguousarray(w)) for w in (w1, w2)]
    found = reference.ops.monarch_matmul(torch.tensor(x, dtype=torch.complex128), *factors)
    np.testing.assert_allclose(found.numpy(), np.fft.fft(x), atol=1e-12)


# -- the harness ----------------------------------------------------------------------------------------


def test_an_unknown_name_is_an_error_everywhere() -> None:
    """Of the option, and of the choice in the process."""
    with pytest.raises(UsageError, match="'stable'"):
        Settings(numerics="stabel")
    with pytest.raises(UsageError, match="'fast'"), numerics.chosen("fats"):
        pytest.fail("it was chosen")


def test_the_side_computes_with_what_is_chosen() -> None:
    """Whatever the caller's own context is; and the class of environment says so."""
    spec = REGISTRY.get("gelu")
    task = Task(spec, {"x": np.linspace(-3, 3, 64, dtype=np.float32)}, FLOAT32)
    x = mx.array(task.inputs["x"])
    for name in numerics.NAMES:
        with mlx_impl.use("stable"), numerics.chosen(name):
            have = get("mlx").run(task).outputs["output"]
            label = environment_class("mlx", "cpu")
        assert have.tobytes() == np.array(ops.gelu(x, profile=name)).tobytes()
        assert label.endswith(f"numerics {name}") == (name != "canonical")
    with numerics.chosen("fast"):
        assert "numerics" not in environment_class("torch", "cpu")


def test_a_port_without_profiles_says_so() -> None:
    """Only when one is asked for."""
    spec = OpSpec("abs_of_ours", reference="torch:abs", port="mlx.core:abs", inputs={"x": "l"}, source="ours")
    REGISTRY._specs.pop("abs_of_ours")
    task = Task(spec, {"x": np.zeros(3, dtype=np.float32)}, FLOAT32)
    with numerics.chosen("canonical"):  # the default, whatever this run has
        get("mlx").run(task)
    with numerics.chosen("fast"), pytest.raises(UsageError, match="'mlx', has no profiles"):
        get("mlx").run(task)


@pytest.mark.parity_slow
@pytest.mark.parametrize("word", ["gelu", "softmax", "l2_normalize", "linear", "mse_loss"])
def test_stable_is_the_most_accurate(word: str) -> None:
    """By at least a third against the canonical profile, and no worse than the fast one."""
    spec = REGISTRY.get(word)
    found = {p.name: p.figures for p in compare_profiles(case_of(spec, FLOAT32, 0), MLX, seeds=1, most=1)}
    error = {name: figures["rms_over_oracle"] for name, figures in found.items()}
    assert error["stable"] < error["canonical"] / 1.5
    assert error["stable"] < error["fast"] * 1.05


@pytest.mark.parity_slow
def test_the_report_sets_profiles_side_by_side(tmp_path: Path) -> None:
    """A line a profile with errors, ratio and time, in the profiles' order, and which one ran."""
    spec = REGISTRY.get("mse_loss")
    made = list(rows(case_of(spec, FLOAT32, 0, typical=False), MLX, "again", seeds=1, timed=True))
    report = Report.make(made, Settings(numerics="fast", out=tmp_path), tmp_path)
    assert [r.figures["profile"] for r in report.profiles()] == list(numerics.NAMES)
    assert made[0].figures["time"] == 1.0
    text = markdown(report)
    assert "numerical profile *fast*" in text
    table = text[text.index("## Numerical profiles") :].splitlines()
    assert [line.split("|")[2].strip() for line in table if line.count("|") > 7][2:5] == list(numerics.NAMES)
    assert any("numerical profile: fast" in line for line in report.terminal())


@pytest.mark.parity_slow
@pytest.mark.usefixtures("frameworks")
def test_the_option_reaches_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows, the command that repeats them, and the report."""
    case = "gelu;b=1;l=33;dtype=f32"
    assert main(["run", "--case", case, "--numerics", "fast", "--seeds", "3", "--out", str(tmp_path)]) == 0
    row = next(r for r in read_rows(tmp_path / "rows.jsonl") if r.kind == "word")
    assert row.environment.endswith("numerics fast")
    assert "--numerics fast" in row.repeat
    assert "numerical profile: fast" in capsys.readouterr().out
    assert numerics.current() == "canonical"
    assert main(["run", "--case", case, "--numerics", "fats", "--out", str(tmp_path)]) == 4
