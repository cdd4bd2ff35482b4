"""The corpus, and the examples of the rules: each bad line is found, and nothing else is."""

from collections import Counter

import pytest

from parity.lint import RULES, Rule, lint_text
from parity.lint.corpus import Snippet, made, snippets
from parity.lint.rules import explained

SNIPPETS = list(snippets())


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda s: s.name)
def test_snippet(snippet: Snippet) -> None:
    found = tuple(sorted((f.line, f.code) for f in lint_text(snippet.text).findings))
    assert found == snippet.expected


def test_the_corpus_is_large() -> None:
    """Every rule is broken in several ways, and there is much that looks like it and is right."""
    broken = Counter(code for s in SNIPPETS for code in {c for _, c in s.expected})
    assert len({s.name for s in SNIPPETS}) == len(SNIPPETS)
    assert sum(s.is_bad for s in SNIPPETS) >= 150
    assert sum(not s.is_bad for s in SNIPPETS) >= 120
    few = {code: broken[code] for code in RULES if broken[code] < 3}
    assert few == {"MXP000": 0, "MXP003": 1}  # a file that cannot be read; a code that does not exist


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda r: r.code)
def test_the_examples_of_a_rule(rule: Rule) -> None:
    """The bad one breaks this rule, the good one none."""
    bad, good = (
        lint_text(made(rule.code, _needed(rule, t).splitlines()).text) for t in (rule.bad, rule.good)
    )
    assert rule.code in {f.code for f in bad.findings}
    assert good.findings == ()


def _needed(rule: Rule, text: str) -> str:
    """NumPy's import, accepted, where an example is about its use."""
    if rule.code != "MXP102" or "np." not in text:
        return text
    head = "import numpy as np  # noqa: MXP101 an example\n\n\ndef f(x: mx.array):\n    "
    return head + text.replace("\n", "\n    ")


@pytest.mark.parametrize("code", RULES)
def test_a_rule_is_explained(code: str) -> None:
    text = explained(code.lower())
    for part in (RULES[code].why, RULES[code].bad.splitlines()[0], RULES[code].good.splitlines()[0]):
        assert part in text
