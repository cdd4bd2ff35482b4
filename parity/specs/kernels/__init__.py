"""The port's Metal kernels: what each is launched with, and what it may cost."""

from parity.kernel_spec import policy

from . import hyena, long, products, short

policy("mlx_impl.kernels:use", observe="mlx_impl.kernels:observing")

__all__ = ["hyena", "long", "products", "short"]
