"""Our einops beside the einops package on PyTorch."""
