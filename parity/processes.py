"""Several processes that do the work of one, each prepared as the first is."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from . import sides
from .numerics import choose
from .session import import_specs
from .settings import Settings


@contextmanager
def processes(jobs: int, settings: Settings) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes have the settings' BLAS, specs and profile, and one thread of PyTorch."""
    context = get_context("spawn")  # threads of the frameworks do not survive a fork
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare, initargs=(settings,)) as pool:
        try:
            yield pool
        except BaseException:  # what waits is not worth waiting for
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _prepare(settings: Settings) -> None:
    sides.use_blas(settings.blas)
    sides.use_threads(1)
    import_specs(settings.specs)
    choose(settings.numerics)
