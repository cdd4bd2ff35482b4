"""Where the loops of a text lie: the runtime asks which lanes are still in the turn that others have left."""

from collections.abc import Sequence

from .tokens import Token, significant, skip_pair, text_at, tokens


def loops(text: str) -> list[tuple[int, int]]:
    """First and last line of each ``for``, ``while`` and ``do`` loop, an outer one before those inside."""
    found = tokens(text)
    lines = [1]
    for t in found:
        lines.append(lines[-1] + t.text.count("\n"))
    spans = []
    for i, t in enumerate(found):
        if t.kind == "word" and t.text in ("for", "while", "do"):
            end = min(_end(found, i), len(found)) - 1
            spans.append((lines[i], lines[max(i, end)]))
    return sorted(spans, key=lambda s: (s[0], -s[1]))


def _end(found: Sequence[Token], i: int) -> int:
    """The token after the loop that starts at `i`."""
    j = significant(found, i, 1)
    if found[i].text != "do":
        if text_at(found, j) != "(":
            return i + 1
        j = significant(found, skip_pair(found, j, "(", ")") - 1, 1)
    return statement_end(found, j)


def statement_end(found: Sequence[Token], j: int) -> int:
    """The token after the statement that starts at `j`."""
    word = text_at(found, j)
    if word == "{":
        return skip_pair(found, j, "{", "}")
    if word in ("for", "while", "if", "switch"):
        k = significant(found, j, 1)
        if text_at(found, k) == "(":
            end = statement_end(found, significant(found, skip_pair(found, k, "(", ")") - 1, 1))
            after = significant(found, end - 1, 1)
            if word == "if" and text_at(found, after) == "else":
                return statement_end(found, significant(found, after, 1))
            return end
    while j < len(found) and found[j].text != ";":
        j = skip_pair(found, j, found[j].text, ")") if found[j].text == "(" else j + 1
    return j + 1
