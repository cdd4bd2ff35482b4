"""Options and [tool.parity]: the same keys, and no typing mistake goes unnoticed."""

from pathlib import Path

import pytest

from parity.errors import UsageError
from parity.settings import Settings, project_root


def _project(tmp_path: Path, table: str) -> Path:
    (tmp_path / "pyproject.toml").write_text(f"[tool.parity]\n{table}\n")
    return tmp_path


def test_the_file_then_the_command_line(tmp_path: Path) -> None:
    """What the command line gives stands above the file; paths of the file are relative to it."""
    root = _project(tmp_path, 'seed = 5\nprofile = "deep"\nout = "elsewhere"')
    (tmp_path / "fixtures").mkdir()
    settings = Settings.load(root, {"profile": "quick", "dtypes": "f32, bf16"})
    assert (settings.seed, settings.profile) == (5, "quick")
    assert [d.name for d in settings.working_dtypes()] == ["float32", "bfloat16"]
    assert settings.out == tmp_path / "elsewhere"
    assert settings.fixtures == tmp_path / "fixtures"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("sedd = 5", "'seed'"),
        ('require_sides = ["mlx"]', "'require-side'"),
        ('profile = "quik"', "'quick'"),
        ('sides = ["mxl"]', "'mlx'"),
        ('oracle = "gold"', "golden"),
        ('seed = "many"', "integer"),
        ("seeds = 0", "at least 1"),
        ("update-golden = 1", "true or false"),
        ("profile = 3", "text"),
        ("sides = 3", "list"),
        ('dtypes = ["f23"]', "'f32'"),
        ('sides = ["torch"]', "side of the port"),
        ('devices = ["tpu"]', "'cpu'"),
        ("dtypes = []", "empty"),
        ("out = 5", "path"),
        ('fixtures = "nowhere"', "no folder"),
    ],
)
def test_mistakes_are_errors(tmp_path: Path, table: str, says: str) -> None:
    """An unknown key names the nearest; a wrong value names itself."""
    with pytest.raises(UsageError, match=says):
        Settings.load(_project(tmp_path, table), {})


@pytest.mark.parametrize("text", ["[tool]\nparity = 3", "[tool.parity\nseed = 1"])
def test_a_broken_file_is_a_usage_error(tmp_path: Path, text: str) -> None:
    """Not a table, not TOML."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        Settings.load(tmp_path, {})


def test_as_options_says_what_differs(tmp_path: Path) -> None:
    """A run is repeated by its options, those of the project left out."""
    root = _project(tmp_path, "seed = 5")
    swap = "mlx_impl.ops.gelu=fast.py:gelu"
    settings = Settings.load(root, {"profile": "quick", "swap": [swap], "dtypes": "f32"})
    words = settings.as_options(root, {})
    assert words == ["--dtypes", "f32", "--profile", "quick", "--swap", swap]
    assert Settings.load(root, {}).as_options(root) == []


def test_the_root_is_the_nearest_project(tmp_path: Path) -> None:
    """From a folder inside it."""
    root = _project(tmp_path, "seed = 1")
    inside = root / "a" / "b"
    inside.mkdir(parents=True)
    assert project_root(inside) == root.resolve()
