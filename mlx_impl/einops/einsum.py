from collections.abc import Sequence

import mlx.core as mx

from .apply import described, run
from .contract import contraction
from .equation import Equation
from .errors import CAUGHT, EinopsError, reraise


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
    if not any(isinstance(x, str) for x in (tensors_and_pattern[0], tensors_and_pattern[-1])):
        raise EinopsError("The last argument must be the pattern, or the first one if it is of letters")
    letters = isinstance(tensors_and_pattern[0], str)
    pattern, tensors = (
        (tensors_and_pattern[0], tensors_and_pattern[1:])
        if letters
        else (tensors_and_pattern[-1], tensors_and_pattern[:-1])
    )
    try:
        arrays: list[mx.array] = []
        inexact = True
        for i, x in enumerate(tensors):
            if not isinstance(x, mx.array):
                raise EinopsError(f"Argument {i + letters} is a {type(x).__name__}, expected an MLX array")
            arrays.append(x)
            inexact = inexact and mx.issubdtype(x.dtype, mx.inexact)
        found = contraction(pattern, letters, tuple([x.shape for x in arrays]))
        if not inexact:
            return _with_integers(found.equation, arrays)
        if not found.before:
            return mx.einsum(found.equation.text, *arrays)
        x = run(found.before[0], arrays[0])
        if found.product is not None:
            x = run(found.after, found.product(x, run(found.before[1], arrays[1])))
    except CAUGHT as error:
        reraise(error, "einsum", pattern, described(tensors), {})
    return x


def _with_integers(found: Equation, arrays: Sequence[mx.array]) -> mx.array:
    """MLX has no product of integer matrices: they are multiplied element by element, and summed."""
    dtype = arrays[0].dtype
    for x in arrays[1:]:
        dtype = mx.result_type(dtype, x.dtype)
    if mx.issubdtype(dtype, mx.inexact):
        return mx.einsum(found.text, *[mx.astype(x, dtype) for x in arrays])
    dtype = mx.sum(mx.zeros((1,), dtype=dtype)).dtype
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
