"""The rules: code, reason, what to do, and an example on each side. `parity lint --explain` prints them."""

from collections.abc import Iterable
from dataclasses import dataclass

from parity.errors import UsageError, unknown


@dataclass(frozen=True)
class Rule:
    """One rule.

    Args:
        code: ``MXP`` and three digits; the first says what kind of rule.
        name: two or three words.
        why: the reason, as it stands in a finding.
        more: what a reader of one finding may want to know besides.
        bad: lines that break the rule. ``mx`` is ``mlx.core``, ``x`` and ``y`` are arrays.
        good: the same, mended.
    """

    code: str
    name: str
    why: str
    more: str
    bad: str
    good: str


_HOST = "it waits for the device, and cannot run inside mx.compile or mx.vmap"

_ALL = (
    Rule(
        "MXP000",
        "not Python",
        "what cannot be parsed is not checked",
        "No Python of this version, not in UTF-8, or not to be opened. The other files are checked.",
        "def f(x):\n    return (x",
        "def f(x):\n    return x",
    ),
    Rule(
        "MXP001",
        "suppression without a reason",
        "the next reader cannot know whether it still holds",
        "Write it behind the code. Until then the suppression does not count.",
        "n = mx.sum(x).item()  # noqa: MXP201",
        "n = mx.sum(x).item()  # noqa: MXP201 a shape is a number on the host",
    ),
    Rule(
        "MXP002",
        "unused suppression",
        "it would hide the next mistake on this line",
        "Only codes that were asked for (--select, --ignore) are judged, and only ours.",
        "y = mx.exp(x)  # noqa: MXP201 a shape is a number on the host",
        "y = mx.exp(x)",
    ),
    Rule(
        "MXP003",
        "unknown code",
        "it suppresses nothing",
        "Codes of other tools, such as E741, are left to them.",
        "n = mx.sum(x).item()  # noqa: MXP299 a shape is a number on the host",
        "n = mx.sum(x).item()  # noqa: MXP201 a shape is a number on the host",
    ),
    Rule(
        "MXP101",
        "NumPy imported",
        "NumPy computes on the host, in float64 by default, out of reach of gradients and of mx.compile",
        "An import under TYPE_CHECKING is none. A file counts as MLX code if it imports mlx, or another file "
        "of its folder does.",
        "import numpy as np",
        "import mlx.core as mx",
    ),
    Rule(
        "MXP102",
        "array handed to NumPy",
        "it is copied to the host, and the gradient ends there",
        "NumPy has no bfloat16 either: such an array is refused.",
        "y = np.exp(x)",
        "y = mx.exp(x)",
    ),
    Rule(
        "MXP201",
        "array read on the host",
        _HOST,
        "`.item()` and `.tolist()`. Where a shape or a message needs the number, say so in a suppression.",
        "scale = mx.max(mx.abs(x)).item()",
        "scale = mx.max(mx.abs(x))",
    ),
    Rule(
        "MXP202",
        "array made a Python number",
        _HOST,
        "`float()`, `int()`, `bool()`, `complex()` and the functions of `math`. The number that comes back "
        "is in float64, and an array made from it has another dtype. Text that has the values in it reads "
        "them too: `print()`, `str()`, an f-string; the message of an error may.",
        "scale = math.sqrt(mx.sum(x))",
        "scale = mx.sqrt(mx.sum(x))",
    ),
    Rule(
        "MXP203",
        "array asked for its truth",
        _HOST,
        "`if`, `while`, `assert`, `not`, `and`, `or`, a conditional expression, a guard, `any()`, `all()`. "
        "Selecting is what mx.where is for; asking whether there is an array is `is not None`.",
        "if mx.any(x):\n    y = x",
        "y = mx.where(mx.any(x), x, y)",
    ),
    Rule(
        "MXP204",
        "array made a Python index",
        _HOST,
        "`range(n)` of an array, or a Python sequence indexed by one.",
        "for i in range(mx.max(x)):\n    pass",
        "for i in range(x.shape[0]):\n    pass",
    ),
    Rule(
        "MXP301",
        "operator between arrays",
        "an operator promotes unasked, and is no word that can be searched, traced or swapped",
        "Every binary operator with an array on one side at least.",
        "z = x @ y",
        "z = mx.matmul(x, y)",
    ),
    Rule(
        "MXP302",
        "operator before an array",
        "an operator is no word that can be searched, traced or swapped",
        "`-x`, `+x` and `~x`.",
        "z = -x",
        "z = mx.negative(x)",
    ),
    Rule(
        "MXP303",
        "augmented assignment",
        "it promotes unasked, and looks like a change in place where a new array is made",
        "`x += y`, and `x[i] += y`, which drops all but one of several values for one place.",
        "x += y",
        "x = mx.add(x, y)",
    ),
    Rule(
        "MXP304",
        "arrays compared by an operator",
        "an operator promotes unasked, and is no word that can be searched, traced or swapped",
        "`==` and `<` on shapes, dtypes and Python numbers are not meant.",
        "mask = x > y",
        "mask = mx.greater(x, y)",
    ),
    Rule(
        "MXP305",
        "Python's function on arrays",
        "it works through operators, element by element of the first axis",
        "`abs`, `sum`, `max`, `min`, `pow`, `round`, `divmod`.",
        "z = sum([x, y])",
        "z = mx.add(x, y)",
    ),
    Rule(
        "MXP401",
        "bare Python scalar",
        "which dtype it takes, and what that promotes, depends on the other operand",
        "An int array times 0.5 is float32, a float16 one stays float16. Python arithmetic on shapes, and "
        "arguments that are no operands (axis, shape, eps), are not meant.",
        "z = mx.multiply(x, 0.5)",
        "z = mx.multiply(x, mx.array(0.5, dtype=x.dtype))",
    ),
    Rule(
        "MXP402",
        "creation without dtype",
        "the default is float32 or int32, whatever the model runs in",
        "mx.zeros, ones, full, array, arange, linspace, eye, identity, tri, random.*. `mx.zeros_like` has "
        "its dtype from its argument, and so has an array made from an array.",
        "z = mx.zeros((2, 3))",
        "z = mx.zeros((2, 3), dtype=x.dtype)",
    ),
    Rule(
        "MXP403",
        "mixed dtypes",
        "one of them is promoted silently",
        "Only where both dtypes are known from the code: `.astype`, `dtype=` and what follows from them.",
        "z = mx.add(x.astype(mx.float16), y.astype(mx.float32))",
        "z = mx.add(x.astype(mx.float32), y.astype(mx.float32))",
    ),
    Rule(
        "MXP501",
        "PyTorch imported",
        "a port that needs PyTorch is not one",
        "torch, torchvision, torchaudio. An import under TYPE_CHECKING is none.",
        "import torch",
        "import mlx.core as mx",
    ),
    Rule(
        "MXP502",
        "PyTorch's method on an array",
        "mx.array has no such method, or one that does something else",
        "Also `.view(shape)`, which reads bits as another dtype in MLX, and `.transpose(i, j)`, which takes "
        "a whole permutation.",
        "z = x.unsqueeze(0)",
        "z = mx.expand_dims(x, 0)",
    ),
    Rule(
        "MXP503",
        "PyTorch's keyword",
        "MLX has another name for it, or no use",
        "`dim=`, `keepdim=`, `device=`, `requires_grad=`, ... of functions of mlx.core and of methods.",
        "z = mx.sum(x, dim=-1, keepdim=True)",
        "z = mx.sum(x, axis=-1, keepdims=True)",
    ),
    Rule(
        "MXP504",
        "PyTorch's name",
        "MLX has no such name",
        "`mx.cat`, `nn.functional`, and `torch.` itself where nothing imports it.",
        "z = mx.cat([x, y], axis=0)",
        "z = mx.concatenate([x, y], axis=0)",
    ),
    Rule(
        "MXP505",
        "PyTorch's module habit",
        "MLX's nn.Module does not know it",
        "`forward`, `register_buffer`, `state_dict`, `.to(device)`, `.cuda()`, ...",
        "class Scale(nn.Module):\n    def forward(self, x: mx.array) -> mx.array:\n        return x",
        "class Scale(nn.Module):\n    def __call__(self, x: mx.array) -> mx.array:\n        return x",
    ),
)

RULES = {rule.code: rule for rule in _ALL}
PREFIX = "MXP"


def rule(code: str) -> Rule:
    """Raises: UsageError naming the nearest if there is no such rule."""
    found = RULES.get(code.upper())
    if found is None:
        raise UsageError(unknown("rule", code, RULES))
    return found


def chosen(select: Iterable[str], ignore: Iterable[str]) -> frozenset[str]:
    """The codes that start with one of `select` (none means all) and with none of `ignore`.

    Raises: UsageError if one of them is the start of no code, or nothing is left.
    """
    wanted, unwanted = ([_prefix(p) for p in given] for given in (select, ignore))
    codes = frozenset(
        code
        for code in RULES
        if (not wanted or code.startswith(tuple(wanted))) and not code.startswith(tuple(unwanted))
    )
    if not codes:
        raise UsageError("no rule is left: --ignore takes away what --select gives")
    return codes


def _prefix(text: str) -> str:
    prefix = text.strip().upper()
    if not prefix or not any(code.startswith(prefix) for code in RULES):
        raise UsageError(unknown("rule", text, RULES))
    return prefix


def explained(code: str) -> str:
    """A rule in full.

    Raises: UsageError naming the nearest if there is no such rule.
    """
    found = rule(code)
    return "\n".join(
        (
            f"{found.code} {found.name}",
            f"  why:  {found.why}.",
            f"        {found.more}",
            *_lines("  bad:  ", found.bad),
            *_lines("  good: ", found.good),
            *_lines("  else: ", f"# noqa: {found.code} and the reason" if found.code > "MXP003" else ""),
        )
    )


def _lines(head: str, text: str) -> list[str]:
    return [(head if i == 0 else " " * len(head)) + line for i, line in enumerate(text.splitlines())]
