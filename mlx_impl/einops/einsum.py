from collections.abc import Sequence
from typing import Any

import mlx.core as mx

from .apply import described, run
from .contract import contraction
from .equation import Equation
from .errors import CAUGHT, EinopsError, reraise

# Looked up once: a call takes some microseconds, and so many of these.
_ARRAY, _INEXACT, _issubdtype, _einsum = mx.array, mx.inexact, mx.issubdtype, mx.einsum


def einsum(*tensors_and_pattern: mx.array | str) -> mx.array:
    """Sum of products: multiply arrays axis by axis of the same name, and sum over the axes that go.

    Axes by names, the pattern last: ``einsum(x, y, 'batch in, in out -> batch out')``; or by letters, the
    pattern first: ``einsum('bi,ij->bj', x, y)``, where the result may be left out as in ``mx.einsum``. A name
    that stands twice in one array is its diagonal, ``...`` broadcasts, and so does an axis of one element.

    Shapes: what the left side says, an array each → what the right side says.
    Dtypes: floating, complex: promoted together; integers and booleans: MLX's dtype for their sums.
    Raises: EinopsError if the pattern is wrong or does not fit the shapes; UnsupportedPatternError for
        brackets, numbers and ``1``, which rearrange understands and einsum does not.
    Source: Rogozhnikov 2022, Einops, §5; ``einops.einsum``, ``numpy.einsum``.
    """
    if len(tensors_and_pattern) < 2:
        raise EinopsError("`einops.einsum` takes arrays, at least one, and a pattern: einsum(x, 'i j -> j')")
    pattern: Any = tensors_and_pattern[-1]
    tensors: tuple[Any, ...] = tensors_and_pattern[:-1]
    letters = False
    if isinstance(tensors_and_pattern[0], str):
        pattern, letters, tensors = tensors_and_pattern[0], True, tensors_and_pattern[1:]
    elif not isinstance(pattern, str):
        raise EinopsError("The last argument must be the pattern, or the first one if it is of letters")
    try:
        inexact, shapes = True, []
        for x in tensors:
            if not isinstance(x, _ARRAY):
                raise EinopsError(_no_array(tensors, letters))
            shapes.append(x.shape)
            if not _issubdtype(x.dtype, _INEXACT):
                inexact = False
        found = contraction(pattern, letters, tuple(shapes))
        if found.zeros is not None:
            return mx.zeros(found.zeros, dtype=_summed(tensors))
        if not inexact:
            return _with_integers(found.equation, tensors)
        if not found.before:
            return _einsum(found.equation.text, *tensors)
        x = run(found.before[0], tensors[0])
        if found.product is not None:
            x = run(found.after, found.product(x, run(found.before[1], tensors[1])))
    except CAUGHT as error:
        reraise(error, "einsum", pattern, described(tensors), {})
    return x


def _no_array(tensors: Sequence[Any], letters: bool) -> str:
    """Which argument is none."""
    i, x = next((i, x) for i, x in enumerate(tensors) if not isinstance(x, mx.array))
    return f"Argument {i + letters} is a {type(x).__name__}, expected an MLX array"


def _summed(arrays: Sequence[mx.array]) -> mx.Dtype:
    """The dtype of a sum of their products."""
    dtype = arrays[0].dtype
    for x in arrays[1:]:
        dtype = mx.result_type(dtype, x.dtype)
    return dtype if mx.issubdtype(dtype, mx.inexact) else mx.sum(mx.zeros((1,), dtype=dtype)).dtype


def _with_integers(found: Equation, arrays: Sequence[mx.array]) -> mx.array:
    """MLX has no product of integer matrices: they are multiplied element by element, and summed."""
    dtype = _summed(arrays)
    if mx.issubdtype(dtype, mx.inexact):
        return mx.einsum(found.text, *[mx.astype(x, dtype) for x in arrays])
    terms = ["".join(dict.fromkeys(term)) for term in found.terms]
    diagonals = [
        mx.einsum(f"{term}->{once}", x) if term != once else x
        for term, once, x in zip(found.terms, terms, arrays, strict=True)
    ]
    factors = [mx.astype(x, dtype) for x in diagonals]
    while len(factors) > 1:
        later = {*found.result, *"".join(terms[2:])}
        axes = "".join(dict.fromkeys(terms[0] + terms[1]))
        one, other = (_aligned(x, term, axes) for x, term in zip(factors[:2], terms[:2], strict=True))
        gone = tuple(i for i, axis in enumerate(axes) if axis not in later)
        factors[:2] = [mx.sum(mx.multiply(one, other), axis=gone)] if gone else [mx.multiply(one, other)]
        terms[:2] = ["".join(axis for axis in axes if axis in later)]
    return mx.einsum(f"{terms[0]}->{found.result}", factors[0])


def _aligned(x: mx.array, term: str, axes: str) -> mx.array:
    """`x` with all of `axes` in their order, those that it has not with one element."""
    present = [axis for axis in axes if axis in term]
    shape = dict(zip(term, x.shape, strict=True))
    x = mx.transpose(x, [term.index(axis) for axis in present])
    return mx.reshape(x, [shape.get(axis, 1) for axis in axes])
