"""A small checkpoint on disk."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pytorch_model.bin and config.json."""
    import torch

    from .published import LAYOUTS

    folder = tmp_path_factory.mktemp("good")
    torch.save(LAYOUTS[1].state(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(LAYOUTS[1].config()))
    return folder
