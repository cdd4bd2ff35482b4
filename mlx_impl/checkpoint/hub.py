"""Fetching a published checkpoint by name, if ``huggingface_hub`` is installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import CheckpointError

PREFIX = "hf:"
PATTERNS = ("*.json", "*.txt", "*.safetensors", "*.bin", "*.pt", "*.ckpt")
"""What is fetched: weights, configuration, tokenizer; never code."""

Fetch = Callable[..., str]


def download(name: str, *, fetch: Fetch | None = None) -> tuple[Path, Path]:
    """The folder of ``owner/name`` or ``owner/name@revision``, and the one that its links may point into.

    Args:
        fetch: ``huggingface_hub.snapshot_download``, or what stands for it.

    Raises: CheckpointError if the name is none, the package is not installed, or nothing can be fetched.
    """
    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    owner, slash, model = repository.partition("/")
    if not (owner and slash and model) or "/" in model or ".." in repository:
        raise CheckpointError(
            f"{name!r} is no name of a model: write {PREFIX}owner/name or {PREFIX}owner/name@revision"
        )
    if fetch is None:
        fetch = _fetch()
    arguments: dict[str, Any] = {"repo_id": repository, "allow_patterns": list(PATTERNS)}
    if revision:
        arguments["revision"] = revision
    try:
        folder = Path(fetch(**arguments))
    except Exception as error:  # the package has many: no network, no such name, no leave
        raise CheckpointError(
            f"{name} cannot be fetched: {type(error).__name__}: {str(error)[:200]}"
        ) from error
    # The package's cache has <model>/snapshots/<revision>/<links> to <model>/blobs.
    root = folder.parent.parent if folder.parent.name == "snapshots" else folder
    return folder, root


def _fetch() -> Fetch:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            "fetching by name needs the package huggingface_hub: pip install 'm2bert-parity[hub]'"
        ) from None
    found: Fetch = snapshot_download
    return found
