"""Cases are lines of text that repeat themselves."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.case import Case, named
from parity.dtypes import FLOAT32, WORKING, parse_dtype
from parity.errors import SpecError, UsageError
from parity.inputs import fingerprint
from parity.spec import REGISTRY, LayerSpec
from parity.strategies import cases


@given(st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_a_case_is_what_it_prints(data: st.DataObject) -> None:
    """Any case of any spec comes back from its text, and draws the same numbers."""
    import parity.specs  # noqa: F401 - hypothesis may run this test before the fixture

    spec = data.draw(st.sampled_from([s.name for s in REGISTRY]))
    dtype = data.draw(st.sampled_from(list(WORKING.values())))
    case = data.draw(cases(REGISTRY.get(spec), dtype))
    again = Case.parse(str(case))
    assert str(again) == str(case)
    assert fingerprint(again.inputs()) == fingerprint(case.inputs())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("long_cov;l=3", "long_conv"),
        ("long_conv;l", "not key=value"),
        ("long_conv;l=many", "not an integer"),
        ("long_conv;q=3", "unknown axis 'q'"),
        ("long_conv;kind=nrmal", "normal"),
        ("long_conv;layout=strange", "layout"),
        ("long_conv;dtype=f33", "f32"),
        ("layer_norm;opt.epsilon=1", "eps"),
        ("layer_norm;opt.eps=x", "not a literal"),
        ("gelu;l=-3", "at least 1"),
        ("gelu;arg.foo=3", "unknown argument"),
        ("BertLayer;arg.hiden_size=3", "hidden_size"),
        ("linear;no=weight", "bias"),
    ],
)
def test_a_case_that_cannot_be_read_says_why(text: str, says: str) -> None:
    """The message names the part, and the nearest thing that exists."""
    with pytest.raises(UsageError, match=says):
        Case.parse(text)


def test_what_follows_from_a_size_follows() -> None:
    """Options and other axes that are functions of a size take the one that was given."""
    assert Case.parse("split;d=5").options["sizes"] == [5, 5, 5]
    assert Case.parse("long_conv;l=32").sizes["m"] == 64
    assert Case.parse("Linear;d=3;arg.bias=False").arguments == {
        "in_features": 3,
        "out_features": 7,
        "bias": False,
    }


def test_every_named_case_can_be_made() -> None:
    """Each spec's cases have sizes and inputs."""
    for spec in REGISTRY:
        for name in spec.cases:
            case = named(spec, name, parse_dtype("float32"))
            assert str(Case.parse(str(case))) == str(case)
            assert all(x.size for x in case.inputs().values())


def test_an_axis_of_no_input() -> None:
    """Choices that follow the size of one say which, and where it gets its size."""
    spec = LayerSpec(
        "a_layer",
        reference="a:B",
        port="c:D",
        arguments={"width": lambda n: (n["d"],)},
        inputs={"x": "b l"},
        register=False,
    )
    with pytest.raises(SpecError, match=r"axis 'd', and there are only b, l; .* sizes="):
        named(spec, "", FLOAT32)
