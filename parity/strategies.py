"""Hypothesis strategies: any case of a spec, from the easy one that it shrinks to, to the cruel."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from .case import Case
from .dtypes import WorkingDtype
from .inputs import FINITE_KINDS
from .spec import AWKWARD, LayerSpec, OpSpec, resolve

MOST_ELEMENTS = 2**14
"""About how many elements the axes of a drawn case may span together."""


def each_choice(case: Case, *, sizes: bool) -> Iterator[Case]:
    """The case with each kind, layout, option and optional argument in turn: a search may miss one.

    With `sizes`, each size of each axis too, the others as they are.
    """
    spec = case.spec
    if sizes:
        for axis in spec.axis_names():
            for n in spec.size_choices(axis, case.sizes):
                # Axes that follow from others follow again.
                free = {a: s for a, s in case.sizes.items() if not callable(spec.sizes.get(a))}
                changed = spec.fill_sizes(free | {axis: n})
                yield replace(case, sizes=changed, options=next(spec.option_sets(changed)))
    optional = tuple(n for n, a in spec.arrays().items() if a.optional)
    for kind in spec.kinds:
        yield replace(case, kind=kind, left_out=() if len(kind) % 2 else optional)
    for layout in spec.layouts:
        yield replace(case, layout=layout, left_out=())
    for name, choices in spec.options.items():
        for value in list(resolve(choices, case.sizes))[1:]:
            yield replace(case, options=dict(case.options) | {name: value})
    for name in optional:
        yield replace(case, left_out=tuple(n for n in optional if n != name))


def each_argument(case: Case) -> Iterator[Case]:
    """The case of a layer with each choice of each constructor argument in turn."""
    assert isinstance(case.spec, LayerSpec)
    for name, choices in case.spec.arguments.items():
        for value in list(resolve(choices, case.sizes))[1:]:
            yield replace(case, arguments=dict(case.arguments) | {name: value})


@st.composite
def cases(draw: Any, spec: OpSpec, dtype: WorkingDtype, *, vjp: bool = False) -> Case:
    """Sizes, kind, layout, options and seed of one case.

    It shrinks towards the first choice of everything: unit axes, normal numbers, packed arrays, seed 0.
    """
    sizes: dict[str, int] = {}
    room = MOST_ELEMENTS
    for axis in spec.axis_names():
        choices = list(spec.size_choices(axis, sizes))
        fitting = [c for c in choices if c <= max(1, room)] or [min(choices)]
        strategy = st.sampled_from(sorted(fitting))
        if axis not in spec.sizes and axis in AWKWARD:
            strategy = strategy | st.integers(1, max(fitting))
        sizes[axis] = draw(strategy)
        room //= sizes[axis]
    options = {n: draw(st.sampled_from(list(resolve(c, sizes)))) for n, c in spec.options.items()}
    arguments = {}
    if isinstance(spec, LayerSpec):
        arguments = {n: draw(st.sampled_from(list(resolve(c, sizes)))) for n, c in spec.arguments.items()}
    # What NaN does to a gradient at the border of a convolution is nobody's specification, and the
    # gradient of a broadcast argument is a sum over its copies: of broadcasting, not of the word.
    kinds = [k for k in spec.kinds if not vjp or k in FINITE_KINDS]
    layouts = [x for x in spec.layouts if not vjp or x != "broadcast"]
    left_out = tuple(n for n, a in spec.arrays().items() if a.optional and draw(st.booleans()))
    return Case(
        spec,
        sizes,
        dtype,
        kind=draw(st.sampled_from(kinds)),
        layout=draw(st.sampled_from(layouts)),
        options=options,
        arguments=arguments,
        left_out=left_out,
        seed=draw(st.integers(0, 2**20)),
        vjp=vjp,
    )
