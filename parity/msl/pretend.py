"""A GPU that is not there: what MLX says of devices and streams where the executor stands in for one.

Code asks before it uses a kernel: is there Metal, and is the GPU the default device? Operations run on the
CPU all the same; of a stream that is made for the GPU, one of the CPU is given.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mlx.core as mx

_active: list["Pretence"] = []


def is_gpu(device: Any) -> bool:
    """Is it the GPU, as a device, a kind of device, or a stream's?"""
    device = getattr(device, "device", device)
    return bool((device.type if isinstance(device, mx.Device) else device) == mx.gpu)


def kernels_may_run(stream: Any) -> bool:
    """May a kernel run on this stream or device, or on the default one? Not on a CPU that is named."""
    if stream is None:
        return not _active or _active[-1].gpu
    return is_gpu(stream) or any(p.made_for_gpu(stream) for p in _active)


class Pretence:
    """Which device is the default one, and which streams were made for the GPU."""

    def __init__(self) -> None:
        self.gpu = True
        self.streams: list[Any] = []
        names = (
            "is_available",
            "default_device",
            "set_default_device",
            "default_stream",
            "stream",
            "device_info",
        )
        makers = ("new_stream", "new_thread_local_stream", "new_thread_unsafe_stream")
        self.real: dict[str, Callable[..., Any]] = {
            n: getattr(mx, n) for n in (*names, *makers) if hasattr(mx, n)
        }
        own: dict[str, Callable[..., Any]] = {n: getattr(self, n) for n in names}
        made = {n: self._maker(n) for n in makers}
        self.replaced = {n: {**own, **made}[n] for n in self.real}

    def made_for_gpu(self, stream: Any) -> bool:
        return any(type(s) is type(stream) and s == stream for s in self.streams)

    def is_available(self, device: Any) -> bool:
        return is_gpu(device) or bool(self.real["is_available"](device))

    def default_device(self) -> mx.Device:
        return mx.Device(mx.gpu if self.gpu else mx.cpu, 0)

    def set_default_device(self, device: Any) -> None:
        if not is_gpu(device):
            self.real["set_default_device"](device)
        self.gpu = is_gpu(device)

    def default_stream(self, device: Any) -> Any:
        return (
            self._for_gpu(self.real["default_stream"](mx.cpu))
            if is_gpu(device)
            else self.real["default_stream"](device)
        )

    def device_info(self, *device: Any) -> dict[str, Any]:
        """What the CPU is, and how much memory a GPU would have: this machine's."""
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        memory = {"memory_size": pages, "max_recommended_working_set_size": pages // 4 * 3}
        given = [d for d in device if not is_gpu(d)]
        return {
            **memory,
            "max_buffer_length": pages // 2,
            "resource_limit": 499_000,
            **self.real["device_info"](*given),
        }

    @contextmanager
    def stream(self, of: Any) -> Iterator[Any]:
        before = self.gpu
        self.gpu = is_gpu(of) or self.made_for_gpu(of)
        try:
            with self.real["stream"](mx.cpu if is_gpu(of) else of) as entered:
                yield entered
        finally:
            self.gpu = before

    def _maker(self, name: str) -> Callable[..., Any]:
        def made(device: Any) -> Any:
            return self._for_gpu(self.real[name](mx.cpu)) if is_gpu(device) else self.real[name](device)

        return made

    def _for_gpu(self, stream: Any) -> Any:
        self.streams.append(stream)
        return stream


@contextmanager
def a_gpu() -> Iterator[None]:
    """Within the context MLX says that it has Metal, and that the GPU is the default device."""
    pretence = Pretence()
    metal = mx.metal.is_available
    mx.metal.is_available = lambda: True
    for name, function in pretence.replaced.items():
        setattr(mx, name, function)
    _active.append(pretence)
    try:
        yield
    finally:
        _active.remove(pretence)
        mx.metal.is_available = metal
        for name, function in pretence.real.items():
            setattr(mx, name, function)
