"""The same question over time: which commit, or which version of MLX, moved the numbers?"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from parity.errors import ParityError, UsageError
from parity.expect import Say

from .asked import BAD, GOOD, UNTESTABLE, Answers


@dataclass(frozen=True)
class Change:
    """Between which two neighbours the answer changed, and what could not be tested between them."""

    good: str
    bad: str
    between: tuple[str, ...]
    asked: int
    text: str


# -- commits --------------------------------------------------------------------------------------------


def over_commits(text: str, root: Path, answers: Answers, ask_in: Callable[[Path], str], say: Say) -> Change:
    """Bisect the history of a repository in a work tree of its own.

    Raises: UsageError if the range is not ``GOOD..BAD`` or its ends are not so.
    """
    good, dots, bad = text.partition("..")
    if not dots or not good or not bad:
        raise UsageError(f"--rev {text!r}: expected GOOD..BAD, e.g. v0.1..HEAD")
    shas = [_sha(root, text, end) for end in (good, bad)]
    with _worktree(root, shas[1]) as tree:

        def ask(sha: str) -> str:
            _git(tree, "checkout", "--quiet", "--detach", sha)
            return ask_in(tree)

        for sha, wanted, end in ((shas[0], GOOD, good), (shas[1], BAD, bad)):
            found = answers.ask(sha, ask)
            say(f"{end} ({sha[:12]}): {found}")
            if found != wanted:
                raise UsageError(f"--rev {text!r}: {end} is {found}, expected {wanted}")
        _git(tree, "bisect", "start", "--no-checkout", shas[1], shas[0])
        while True:
            now = _git(tree, "rev-parse", "BISECT_HEAD")
            found = answers.ask(now, ask)
            word = {GOOD: "good", BAD: "bad"}.get(found, "skip")
            said = _git(tree, "bisect", word, now)
            left = len(_git(tree, "rev-list", "--bisect-all", *_ends(tree)).splitlines())
            say(f"{_title(tree, now)}: {found}; at most {max(left - 1, 0).bit_length()} more")
            if "first bad commit" in said or "only 'skip'ped commits left" in said:
                return _change(tree, said, answers)


def _ends(tree: Path) -> list[str]:
    refs = _git(tree, "for-each-ref", "--format=%(refname)", "refs/bisect").splitlines()
    return [r if r.endswith("/bad") else f"^{r}" for r in refs if "/skip-" not in r]


def _change(tree: Path, said: str, answers: Answers) -> Change:
    found = re.search(r"^([0-9a-f]{40}) is the first bad commit", said, re.MULTILINE)
    if found:
        sha = found[1]
        before = _git(tree, "rev-parse", f"{sha}^")
        text = f"the first bad commit is {_title(tree, sha)}"
        return Change(before, sha, (), answers.asked, text)
    left = tuple(re.findall(r"^([0-9a-f]{40})$", said, re.MULTILINE))
    titles = "; ".join(_title(tree, s) for s in left)
    return Change(left[-1], left[0], left, answers.asked, f"one of these, which cannot be tested: {titles}")


def _title(tree: Path, sha: str) -> str:
    return _git(tree, "log", "-1", "--format=%h %s", sha)


def _sha(root: Path, text: str, name: str) -> str:
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except ParityError:
        raise UsageError(f"--rev {text!r}: there is no commit {name!r} in {root}") from None


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ParityError(f"git {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


@contextmanager
def _worktree(root: Path, sha: str) -> Iterator[Path]:
    """A work tree of its own, so that the user's is not touched; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="parity-rev-"))
    tree = folder / "tree"
    try:
        _git(root, "worktree", "add", "--quiet", "--detach", str(tree), sha)
        yield tree
    finally:
        subprocess.run(
            ["git", "worktree", "remove", "--force", str(tree)], cwd=root, capture_output=True, check=False
        )
        shutil.rmtree(folder, ignore_errors=True)


# -- versions of MLX ------------------------------------------------------------------------------------


def over_versions(
    text: str,
    answers: Answers,
    ask_with: Callable[[str], str],
    say: Say,
    available: Sequence[str] | None = None,
) -> Change:
    """Bisect the published versions of MLX, each in an environment of its own.

    A version that cannot be tested at an end is no end: the next one is.

    Raises: UsageError if the range is not ``A..B`` or its ends give the same answer.
    """
    every = _range(text, published() if available is None else available)

    def told(version: str) -> str:
        try:
            found = answers.ask(version, ask_with)
        except ParityError as error:  # not an answer to be kept: it may be the network's fault
            say(f"mlx {version}: {error}")
            return UNTESTABLE
        say(f"mlx {version}: {found}")
        return found

    versions = list(every)
    first = last = UNTESTABLE
    while versions and (first := told(versions[0])) == UNTESTABLE:
        versions.pop(0)
    while len(versions) > 1 and (last := told(versions[-1])) == UNTESTABLE:
        versions.pop()
    if len(versions) < 2:
        some = f"only {versions[0]} ({first})" if versions else "none"
        raise UsageError(f"--mlx {text!r}: of {every[0]} to {every[-1]} {some} can be tested")
    if first == last:
        raise UsageError(
            f"--mlx {text!r}: {versions[0]} is {first} and {versions[-1]} is {last}: nothing changed between"
        )
    low, high, skipped = 0, len(versions) - 1, set[int]()
    while True:
        inside = [i for i in range(low + 1, high) if i not in skipped]
        if not inside:
            break
        i = inside[len(inside) // 2]
        found = told(versions[i])
        say(f"at most {len(inside).bit_length() - 1} more")
        if found == UNTESTABLE:
            skipped.add(i)
        elif found == first:
            low = i
        else:
            high = i
    between = tuple(versions[i] for i in range(low + 1, high))
    text = f"mlx {versions[low]} is {first}, mlx {versions[high]} is {last}"
    if between:
        text += f"; {', '.join(between)} cannot be tested"
    good, bad = (versions[low], versions[high]) if first == GOOD else (versions[high], versions[low])
    return Change(good, bad, between, answers.asked, text)


def _range(text: str, available: Sequence[str]) -> list[str]:
    low, dots, high = text.partition("..")
    try:
        ends = Version(low), Version(high)
    except InvalidVersion:
        raise UsageError(f"--mlx {text!r}: expected two versions, e.g. 0.29..0.32") from None
    if not dots:
        raise UsageError(f"--mlx {text!r}: expected two versions, e.g. 0.29..0.32")
    # 0.32 as an end means every 0.32.x
    width = len(ends[1].release)
    found = [v for v in map(Version, available) if ends[0] <= v and v.release[:width] <= ends[1].release]
    if len(found) < 2:
        raise UsageError(f"--mlx {text!r}: of the published versions only {list(map(str, found))} lie there")
    return [str(v) for v in sorted(found)]


def published() -> list[str]:
    """The versions of MLX that pip can install here.

    Raises: UsageError if pip cannot tell.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pip", "index", "versions", "mlx"], capture_output=True, text=True, check=False
    )
    found = re.search(r"Available versions: (.+)", done.stdout)
    if not found:
        raise UsageError(f"--mlx: pip does not tell which versions there are: {done.stderr.strip()[-300:]}")
    return [v.strip() for v in found[1].split(",")]


def python_with(version: str, say: Say) -> str:
    """An interpreter whose MLX is of a version and everything else is as here; made once, then kept.

    Raises: ParityError if it cannot be made.
    """
    home = Path(os.environ.get("PARITY_CACHE", Path.home() / ".cache" / "parity")) / "mlx"
    folder = home / f"{version}-py{sys.version_info[0]}{sys.version_info[1]}"
    python = folder / "bin" / "python"
    if (folder / "complete").is_file():
        return str(python)
    say(f"an environment with mlx {version}")
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True)
    extra = "[cpu]" if sys.platform == "linux" else ""
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", f"mlx{extra}=={version}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise ParityError(f"mlx {version} cannot be installed: {done.stderr.strip()[-300:]}")
    own = Path(subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip())  # fmt: skip
    root = Path(__file__).resolve().parents[2]
    (own / "parity-host.pth").write_text(f"{root}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    (folder / "complete").write_text("", encoding="utf-8")
    return str(python)
