"""Declarations of threadgroup memory: told from pointers to it, and made references to the runtime's memory.

``threadgroup float a[8][9], b;`` becomes a type for each name and a reference of that type:
``typedef float msl_tg_1_a[8][9], msl_tg_2_b; msl_tg_1_a& a = msl_declare<msl_tg_1_a>(1, "a"); …``.
"""

from collections.abc import Sequence

from .tokens import QUALIFIERS, Token, ends_line, significant, skip_angles, skip_pair, text_at


def after_type(found: Sequence[Token], i: int) -> tuple[int, list[str]]:
    """Past qualifiers and a type's name after `i`: where the declarator starts, and the words on the way."""
    words: list[str] = []
    named = False
    j = significant(found, i, 1)
    while j < len(found):
        t = found[j]
        if t.kind == "word" and t.text in QUALIFIERS | {"typename", "struct", "unsigned", "signed", "long"}:
            words.append(t.text)
            named = named or t.text in ("unsigned", "signed")
            j = significant(found, j, 1)
            if t.text == "alignas":
                j = significant(found, skip_pair(found, j, "(", ")") - 1, 1)
        elif t.kind == "word" and not named:
            named = True
            j = significant(found, j, 1)
            while text_at(found, j) in ("::", "<"):
                if found[j].text == "<":
                    k = skip_angles(found, j)
                    if k == j:
                        return j, words
                    j = significant(found, k - 1, 1)
                else:
                    j = significant(found, j, 1)
                    if text_at(found, j) == "template":
                        j = significant(found, j, 1)
                    j = significant(found, j, 1)
        elif t.kind == "word" and t.text in ("int", "short", "char") and words:
            j = significant(found, j, 1)  # unsigned int
        else:
            break
    return j, words


def is_variable(found: Sequence[Token], i: int) -> bool:
    """Does the address space at `i` start the declaration of an object, not of a pointer or parameter?"""
    j, _ = after_type(found, i)
    if j >= len(found) or found[j].kind != "word":
        return False
    return text_at(found, significant(found, j, 1)) in ("[", ";", ",", "=", "{")


def _inside_parentheses(found: Sequence[Token], i: int) -> bool:
    depth = 0
    for t in reversed(found[:i]):
        if t.text == ")":
            depth += 1
        elif t.text == "(":
            depth -= 1
            if depth < 0:
                return True
        elif t.text in ("{", "}", ";") and depth == 0:
            return False
    return False


def statement_start(found: Sequence[Token], i: int) -> int:
    """Back from an address space over the qualifiers before it."""
    j = i
    while True:
        k = significant(found, j, -1)
        if k >= 0 and found[k].text == ")":  # alignas(16)
            depth = 1
            while k > 0 and depth:
                k -= 1
                depth += (found[k].text == ")") - (found[k].text == "(")
            k = significant(found, k, -1)
            if k < 0 or found[k].text != "alignas":
                return j
        if k >= 0 and found[k].text in QUALIFIERS:
            j = k
        else:
            return j


def is_member(found: Sequence[Token], i: int) -> bool:
    """``) threadgroup {`` and ``) const threadgroup;`` qualify a member function."""
    j = significant(found, statement_start(found, i), -1)
    return text_at(found, j) == ")" and j != _macro(found, i)[2]


def _declared(found: list[Token], declarator: int, stop: int) -> tuple[list[int], int]:
    """The names of a declaration's variables, and its semicolon.

    Initialisers are taken out: Metal allows none, but a zero is what some write.
    """
    names: list[int] = []
    depth = 0
    expecting, initialised = True, False
    for end in range(declarator, stop):
        t = found[end]
        depth += (t.text in ("[", "(", "{")) + 2 * (t.text == "[[") - (t.text in ("]", ")", "}"))
        if depth == 0 and t.text == ";":
            return names, end
        if depth == 0 and t.text == ",":
            expecting, initialised = True, False
        elif depth == 0 and t.text == "=":
            initialised = True
        elif depth == 0 and expecting and t.kind == "word":
            names.append(end)
            expecting = False
        if initialised:
            found[end] = Token("space", "")
    return names, stop


def _strip(found: list[Token], first: int, last: int) -> None:
    """Take out what a type definition cannot have. Alignment is 16 bytes, or the type's own."""
    for k in range(first, last):
        if found[k].text == "alignas":
            for m in range(k, skip_pair(found, significant(found, k, 1), "(", ")")):
                found[m] = Token("space", "")
        if found[k].text in ("threadgroup", "static", "constexpr", "device", "thread", "volatile"):
            found[k] = Token("space", "")


def _threadgroup_variables(found: list[Token], i: int, site: int) -> int:
    """Rewrite a declaration of threadgroup variables that starts with the word at `i`; how many it has."""
    start = statement_start(found, i)
    declarator, _ = after_type(found, i)
    stop, macro, _ = _macro(found, i)
    names, end = _declared(found, declarator, stop)
    _strip(found, start, declarator)
    found[start] = Token("word", "typedef " + found[start].text)
    references = ""
    for number, k in enumerate(names, site):
        name = found[k].text
        alias = f"msl_tg_{number}_{'##' if name in macro else ''}{name}"
        shown = f"#{name}" if name in macro else f'"{name}"'
        place = "10000 + __COUNTER__" if macro else str(number)  # each use of a macro declares anew
        found[k] = Token("word", alias)
        references += f" {alias}& {name} = msl_declare<{alias}>({place}, {shown});"
    if end < stop:
        found[end] = Token("mark", ";" + references)
    elif end > 0:  # the end of a macro: the semicolon comes where it is used
        found[end - 1] = Token("mark", found[end - 1].text + ";" + references.removesuffix(";"))
    return len(names)


def _macro(found: Sequence[Token], i: int) -> tuple[int, tuple[str, ...], int]:
    """Where the text ends that a declaration at `i` may reach: in a macro, its line.

    And the macro's parameters, and where their list is closed.
    """
    j = i
    while j > 0 and not ends_line(found[j - 1]):
        j -= 1
    first = j if found[j].kind != "space" else significant(found, j, 1)
    if text_at(found, first) != "#":
        return len(found), (), -1
    end = i
    while end < len(found) and not ends_line(found[end]):
        end += 1
    name = significant(found, significant(found, first, 1), 1)
    if text_at(found, name + 1) != "(":
        return end, (), -1
    close = skip_pair(found, name + 1, "(", ")")
    return end, tuple(t.text for t in found[name + 1 : close] if t.kind == "word"), close - 1


def rewrite_threadgroup(found: list[Token]) -> None:
    site = 1
    for i, t in enumerate(found):
        if t.text != "threadgroup" or t.kind != "word":
            continue
        if not _inside_parentheses(found, i) and is_variable(found, i) and not is_member(found, i):
            site += _threadgroup_variables(found, i, site)
        else:
            found[i] = Token("space", "")
