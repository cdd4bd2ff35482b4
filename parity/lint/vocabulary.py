"""What MLX's functions give: written down, not imported, so that code is linted where MLX is not installed.

A test compares the tables with the MLX that is installed.
"""

from .promotion import is_floating, promote
from .values import UNKNOWN, Array, Dtype, Many, Number, Returns, Text, Value

DTYPES = tuple(
    "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 "
    "float16 bfloat16 float32 float64 complex64".split()
)
CONSTANTS = tuple("e euler_gamma inf nan pi".split())

# What a function of mlx.core gives, by the dtype of its result.
_GROUPS = {
    # that of the first argument
    "same": "reshape flatten unflatten squeeze flip expand_dims abs sign positive negative square "
    "stop_gradient take take_along_axis put_along_axis moveaxis swapaxes transpose "
    "matrix_transpose permute_dims max min sort partition topk broadcast_to repeat pad "
    "as_strided cummax cummin diff conj conjugate round tile diagonal diag hadamard_transform "
    "roll slice slice_update contiguous tril triu floor ceil trunc zeros_like ones_like "
    "full_like empty_like nan_to_num bitwise_invert",
    # that of the first argument if it is a floating one, else a floating one
    "float": "sqrt rsqrt reciprocal exp expm1 erf erfinv sin cos tan sinh cosh tanh "
    "arcsin arccos arctan arcsinh arccosh arctanh asin acos atan asinh acosh atanh degrees radians "
    "log log2 log10 log1p sigmoid softmax logsumexp logcumsumexp mean median var std",
    # that to which the operands promote
    "promoted": "add subtract multiply floor_divide remainder power pow minimum maximum matmul kron "
    "inner outer vecdot tensordot addmm clip where bitwise_and bitwise_or bitwise_xor "
    "left_shift right_shift convolve",
    # the same, or a floating one
    "quotient": "divide logaddexp arctan2 atan2",
    # that of the elements of a list
    "list": "concatenate concat stack",
    # that of the first argument if it is a floating one, else not known
    "sum": "sum prod cumsum cumprod cumulative_sum cumulative_prod trace",
    "bool_": "equal not_equal less less_equal greater greater_equal array_equal logical_not logical_and "
    "logical_or logical_xor allclose isclose all any isnan isinf isfinite isposinf isneginf",
    "uint32": "argmax argmin argsort argpartition searchsorted",
    "float32": "bartlett hanning hamming blackman",
    # not known
    "": "array asarray astype view arange linspace full zeros ones eye identity tri empty einsum real "
    "imag conv1d conv2d conv3d conv_general conv_transpose1d conv_transpose2d conv_transpose3d "
    "quantized_matmul dequantize gather_mm gather_qmm gather_qqmm segmented_mm block_masked_mm "
    "qqmm from_fp8 to_fp8 from_dlpack count_nonzero random.key random.split random.uniform "
    "random.normal random.multivariate_normal random.randint random.bernoulli "
    "random.truncated_normal random.gumbel random.categorical random.laplace random.permutation "
    "fft.fft fft.ifft fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfft2 "
    "fft.irfft2 fft.rfftn fft.irfftn fft.fftfreq fft.rfftfreq fft.fftshift fft.ifftshift fft.stft "
    "fft.istft linalg.norm linalg.inv linalg.tri_inv linalg.cholesky linalg.cholesky_inv "
    "linalg.pinv linalg.cross linalg.solve linalg.solve_triangular linalg.det linalg.eigvals "
    "linalg.eigvalsh fast.rms_norm fast.layer_norm fast.cross_entropy fast.rope "
    "fast.scaled_dot_product_attention",
}
ARRAYS = {name: kind for kind, names in _GROUPS.items() for name in names.split()}

_SEQUENCES = (
    "split broadcast_arrays meshgrid unstack divmod minmax quantize fast.gated_delta_update linalg.qr "
    "linalg.eig linalg.eigh linalg.lu_factor linalg.slogdet linalg.svd linalg.lu"
)
OTHERS: dict[str, Value] = {
    **dict.fromkeys(_SEQUENCES.split(), Many(Array())),
    **dict.fromkeys("vjp jvp".split(), Many.of((Many(Array()), Many(Array())))),
    **dict.fromkeys("fast.metal_kernel fast.cuda_kernel".split(), Returns(Many(Array()))),
    "fast.precompiled_cuda_kernel": Many(Array()),
    "atleast_1d": UNKNOWN,
    "atleast_2d": UNKNOWN,
    "atleast_3d": UNKNOWN,
    "unique": UNKNOWN,
    "result_type": Dtype(),
    "broadcast_shapes": Many(Number("int")),
    **dict.fromkeys("is_available issubdtype can_cast isdtype".split(), Number("bool")),
    **dict.fromkeys(
        "device_count get_active_memory get_cache_memory get_peak_memory get_memory_limit "
        "get_array_buffer_size set_memory_limit set_cache_limit set_wired_limit".split(),
        Number("int"),
    ),
}

TRANSPARENT = frozenset("compile checkpoint vmap custom_function".split())
"""Functions of mlx.core that give the function that they are given, as far as its results go."""

HANDED = frozenset(f"mlx.core.{name}" for name in (*TRANSPARENT, "grad", "value_and_grad", "vjp", "jvp"))
"""What calls a function that it is given with arrays."""

# Where a function has its dtype by position; those that have it by keyword only, -1.
CREATIONS = {
    "array": 1,
    "asarray": 1,
    "zeros": 1,
    "ones": 1,
    "empty": 1,
    "full": 2,
    "arange": 3,
    "linspace": 4,
    "eye": 3,
    "identity": 1,
    "tri": 3,
    "random.uniform": 3,
    "random.normal": 1,
    "random.multivariate_normal": 3,
    "random.randint": 3,
    "random.truncated_normal": 3,
    "random.gumbel": 1,
    "random.laplace": 1,
}

_DEFAULTS = {
    **dict.fromkeys("zeros ones empty linspace eye identity tri".split(), "float32"),
    **dict.fromkeys("uniform normal multivariate_normal truncated_normal gumbel laplace".split(), "float32"),
    "randint": "int32",
}


def default_dtype(name: str, first: Value) -> str:
    """The dtype of a creation that does not say one; `first` is its first argument."""
    if name in ("array", "asarray", "arange"):
        each = first.each if isinstance(first, Many) else first
        if isinstance(each, Array):
            return each.dtype
        if isinstance(each, Number):
            return {"bool": "bool_", "int": "int32", "float": "float32", "complex": "complex64"}.get(
                each.kind, ""
            )
        return ""
    return _DEFAULTS.get(name.rpartition(".")[2], "")


_TWO = (
    "add subtract multiply divide divmod floor_divide remainder power pow minimum maximum equal "
    "not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logaddexp "
    "arctan2 atan2 bitwise_and bitwise_or bitwise_xor left_shift right_shift"
)
_ONE = (
    "abs sign negative square sqrt rsqrt reciprocal exp expm1 erf erfinv sin cos tan sinh cosh tanh arcsin "
    "arccos arctan arcsinh arccosh arctanh asin acos atan asinh acosh atanh degrees radians log log2 log10 "
    "log1p sigmoid floor ceil trunc logical_not isnan isinf isfinite"
)
OPERANDS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(_ONE.split(), (0,)),
    **dict.fromkeys(_TWO.split(), (0, 1)),
    "clip": (1, 2),
    "where": (1, 2),
}
"""The arguments of an element-wise function that are operands."""

PROMOTING: dict[str, tuple[int, ...]] = {
    **{
        name: (0, 1)
        for name in _TWO.split()
        if not name.startswith(("logical_", "left_", "right_"))  # these promote nothing, or count
    },
    **dict.fromkeys("matmul kron inner outer vecdot tensordot convolve conv1d conv2d conv3d".split(), (0, 1)),
    "clip": (0, 1, 2),
    "where": (1, 2),
    "addmm": (0, 1, 2),
}
"""The arguments that a function brings to one dtype."""

KEYWORDS = {"a": 0, "b": 1, "a_min": 1, "a_max": 2, "x": 1, "y": 2, "input": 0, "weight": 1, "c": 0}

METHODS = frozenset(
    "abs all any argmax argmin astype conj cos cummax cummin cumprod cumsum diag diagonal exp flatten "
    "imag log log10 log1p log2 logcumsumexp logsumexp max mean min moveaxis prod real reciprocal "
    "reshape round rsqrt sin sqrt square squeeze std sum swapaxes transpose var view".split()
)
"""Methods of an array that give an array, each like the function of its name."""

_FIRST = (
    "reshape flatten unflatten squeeze flip expand_dims stop_gradient moveaxis swapaxes transpose "
    "matrix_transpose permute_dims max min sort partition topk broadcast_to pad as_strided cummax cummin "
    "diff conj conjugate diagonal diag hadamard_transform roll slice contiguous tril triu zeros_like "
    "ones_like full_like empty_like nan_to_num bitwise_invert softmax logsumexp logcumsumexp mean median "
    "var std clip sum prod cumsum cumprod cumulative_sum cumulative_prod trace all any argmax argmin "
    "argsort argpartition count_nonzero real imag astype view split quantize random.categorical repeat "
    "tile fft.fft fft.ifft fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfft2 fft.irfft2 "
    "fft.rfftn fft.irfftn fft.fftshift fft.ifftshift linalg.norm linalg.inv linalg.cholesky linalg.qr "
    "linalg.svd linalg.eigh fast.rope"
)
ALSO_OF_NUMBERS = frozenset(_ONE.split()) - frozenset("erf erfinv sigmoid tanh expm1 log1p".split())
"""Functions of one operand that are at times said of a calculated number: ``mx.sqrt(2 / n)``."""

ARGUMENTS_OF_ARRAYS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(_FIRST.split(), (0,)),
    **dict.fromkeys(_ONE.split(), (0,)),
    **dict.fromkeys(
        "take take_along_axis matmul kron inner outer vecdot tensordot convolve conv1d conv2d conv3d "
        "conv_general conv_transpose1d conv_transpose2d array_equal allclose isclose logical_and logical_or "
        "linalg.cross linalg.solve searchsorted fast.rms_norm".split(),
        (0, 1),
    ),
    **dict.fromkeys(
        "addmm put_along_axis fast.layer_norm fast.scaled_dot_product_attention quantized_matmul "
        "gather_mm gather_qmm".split(),
        (0, 1, 2),
    ),
    "where": (0,),
    "einsum": (1, 2, 3),
}
"""The arguments of a function that are arrays, whatever else is: what stands there is one."""

# -- mlx.nn ---------------------------------------------------------------------------------------------

NN_FUNCTIONS = frozenset(
    "celu elu gelu gelu_approx gelu_fast_approx glu hard_shrink hard_tanh hardswish leaky_relu "
    "log_sigmoid log_softmax mish prelu relu relu2 relu6 selu sigmoid silu softmax softmin softplus "
    "softshrink softsign step tanh".split()
)
NN_LOSSES = frozenset(
    "binary_cross_entropy cosine_similarity_loss cross_entropy gaussian_nll_loss hinge_loss "
    "huber_loss kl_div_loss l1_loss log_cosh_loss margin_ranking_loss mse_loss nll_loss "
    "smooth_l1_loss triplet_loss".split()
)
NN_ARRAY_LAYERS = frozenset(
    "AllToShardedLinear AvgPool1d AvgPool2d AvgPool3d BatchNorm Bilinear CELU Conv1d Conv2d Conv3d "
    "ConvTranspose1d ConvTranspose2d ConvTranspose3d Dropout Dropout2d Dropout3d ELU Embedding GELU "
    "GLU GRU GroupNorm HardShrink HardTanh Hardswish InstanceNorm LayerNorm LeakyReLU Linear "
    "LogSigmoid LogSoftmax MaxPool1d MaxPool2d MaxPool3d Mish MultiHeadAttention PReLU QQLinear "
    "QuantizedAllToShardedLinear QuantizedEmbedding QuantizedLinear QuantizedShardedToAllLinear "
    "RMSNorm RNN ReLU ReLU2 ReLU6 RoPE SELU ShardedToAllLinear SiLU Sigmoid "
    "SinusoidalPositionalEncoding Softmax Softmin Softplus Softshrink Softsign Step Tanh Transformer "
    "TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer Upsample "
    "ALiBi".split()
)
NN_LAYERS = NN_ARRAY_LAYERS | {"LSTM", "Identity", "Sequential", "Module", "FullyShardedModule"}
NN_PARAMETERS = frozenset("weight bias scales biases running_mean running_var".split())


def layer_result(name: str, arguments: list[Value]) -> Value:
    """What calling a layer of mlx.nn gives."""
    if name in NN_ARRAY_LAYERS:
        return Array()
    if name == "LSTM":
        return Many.of((Array(), Array()))
    if name == "Identity" and arguments:
        return arguments[0]
    return UNKNOWN


def utils_result(name: str) -> Value:
    """What a function of mlx.utils gives."""
    return Many(Many.of((Text(), Array()))) if name == "tree_flatten" else UNKNOWN


def result_dtype(name: str, first: str, operands: list[str]) -> str:
    """The dtype of a function's result.

    Args:
        name: of the function, without ``mlx.core.``.
        first: the dtype of its first argument.
        operands: those of the arguments that promote, or of the elements of a list.
    """
    kind = ARRAYS[name]
    if kind == "same":
        return "float32" if name == "abs" and first == "complex64" else first
    if kind == "float":
        return first if is_floating(first) or first.startswith("complex") else ""
    if kind == "sum":
        return first if is_floating(first) else ""
    if kind in ("promoted", "quotient", "list"):
        found = operands[0] if operands else ""
        for other in operands[1:]:
            found = promote(found, other)
        return found if kind != "quotient" or is_floating(found) else ""
    return kind
