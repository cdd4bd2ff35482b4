"""Another curve than the one the weights were trained with."""

import mlx.core as mx

from mlx_impl import ops
from mlx_impl.ops._precision import scalar
from parity.mutants import bug

from ._cases import CALM

_gelu = ops.gelu
_gelu_tanh = ops.gelu_tanh


@bug("mlx_impl.ops.gelu", seen="Blaizzy/mlx-embeddings#81: tanh approximation where ModernBERT says 'gelu'")
def gelu_tanh(x):
    """The tanh approximation in place of erf."""
    return _gelu_tanh(x)


@bug("mlx_impl.ops.gelu", seen="huggingface/pytorch-image-models#1754: QuickGELU and GELU mistaken in CLIP")
def gelu_sigmoid(x):
    """x·sigmoid(1.702·x)."""
    return mx.multiply(x, mx.sigmoid(mx.multiply(mx.array(1.702, dtype=x.dtype), x)))


@bug("mlx_impl.ops.gelu", seen="huggingface/candle#3745: quantized Gemma 3 has SiLU in the gate, not GELU")
def gelu_as_silu(x):
    """x·sigmoid(x)."""
    return mx.multiply(x, mx.sigmoid(x))


@bug(
    "encoder.layer.1.mlp.act/gelu",
    seen="ml-explore/mlx-examples#1057: Gemma's MLP alone had the other GELU; hardly visible in its text",
    case=CALM,
)
def gelu_tanh_in_one_layer(x):
    """The right word everywhere but in one layer's MLP."""
    return _gelu_tanh(x)


@bug(
    "mlx_impl.ops.gelu_tanh",
    seen="nntile/nntile#370: the exact GELU computed for a configuration that says gelu_new",
    case="BertForMaskedLM;arg.hidden_act='gelu_new'",
)
def gelu_new_as_gelu(x):
    """erf where the configuration asks for the approximation."""
    return _gelu(x)


@bug(
    "cls.predictions.transform.transform_act_fn",
    seen="huggingface/candle#3991: ModernBERT's gelu written in, whatever the configuration says",
    case="BertForMaskedLM;arg.hidden_act='relu'",
)
def head_ignores_hidden_act(module, x):
    """GELU, whatever hidden_act is."""
    return ops.gelu(x)


@bug(
    "pooler.activation",
    seen="vllm-project/vllm#32148: BertPooler's tanh tied to a flag that means something else",
    case="BertModel",
)
def pooler_without_tanh(module, x):
    """The dense layer's result as it is."""
    return x


@bug("mlx_impl.ops.relu", seen="pytorch/pytorch#7999: relu(NaN) was 0", case="relu;kind=nan")
def relu_drops_nan(x):
    """A comparison that NaN fails."""
    return mx.where(mx.greater(x, scalar(0, x)), x, scalar(0, x))


@bug(
    "mlx_impl.ops.silu",
    seen="Howard et al. 2019, Searching for MobileNetV3, §5.2: swish replaced by x·relu6(x + 3)/6",
    case="BertForMaskedLM;arg.hidden_act='silu';no=token_type_ids;no=position_ids;no=labels",
)
def silu_hard(x):
    """Straight lines in place of the sigmoid."""
    line = mx.add(mx.divide(x, scalar(6, x)), scalar(0.5, x))
    return mx.multiply(x, mx.clip(line, scalar(0, x), scalar(1, x)))


@bug(
    "mlx_impl.ops.sigmoid",
    seen="Keras documentation: LSTM's recurrent_activation was hard_sigmoid, and became sigmoid",
    case="Activation;arg.hidden_act='sigmoid'",
)
def sigmoid_hard(x):
    """Three straight lines."""
    line = mx.add(mx.multiply(x, scalar(0.2, x)), scalar(0.5, x))
    return mx.clip(line, scalar(0, x), scalar(1, x))


@bug(
    "mlx_impl.ops.tanh",
    seen="pytorch/pytorch#181451: metal::fast::tanh in place of the precise one",
    case="BertModel;no=attention_mask;no=token_type_ids;no=position_ids",
)
def tanh_by_a_fraction(x):
    """x·(27 + x²)/(27 + 9·x²)."""
    square = mx.square(x)
    above = mx.multiply(x, mx.add(square, scalar(27, x)))
    return mx.divide(above, mx.add(mx.multiply(square, scalar(9, x)), scalar(27, x)))
