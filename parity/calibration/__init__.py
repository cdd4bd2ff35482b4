"""Plain operations of both frameworks whose errors are known: what the verdict is calibrated on.

Every operation that the frameworks compute honestly has to pass, whatever its raw ratio of errors, and
the two that MLX computes badly in half precision (a softmax that accumulates in it) have to fail, from
the rules that hold for every spec.
"""
