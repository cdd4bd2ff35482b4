"""A right model with other parameters than the checkpoint's."""

import re

import mlx.core as mx

from parity.mutants import bug

from ._cases import FEW_WORDS


def _thirds(x):
    a, b, c = mx.split(x, 3, axis=0)
    return mx.concatenate([b, c, a], axis=0)


@bug(
    "weights:encoder.layer.1.attention.out_linear.weight",
    seen="chelsea0x3b/dfdx#33: linear weights stored the other way round than PyTorch's",
)
def square_weight_transposed(x):
    """A shape that cannot tell."""
    return mx.transpose(x)


@bug(
    "weights:encoder.layer.1.attention.in_linear.weight",
    seen="tgyg-jegli/tf_texture_net#1: a transpose of the wrong axes in a conversion",
)
def weight_reshaped_for_transposed(x):
    """The right shape, another order."""
    return mx.reshape(mx.transpose(x), x.shape)


@bug(
    "weights:encoder.layer.1.attention.short_filter.weight",
    seen="lablup/mlxcel#429: convolution weights transposed to MLX's layout when they already had it",
)
def conv_weight_permuted(x):
    """Taps and channels mixed."""
    return mx.reshape(mx.transpose(x, (2, 1, 0)), x.shape)


@bug(
    "weights:encoder.layer.1.mlp.wo.weight",
    seen="HazyResearch/m2 blockdiag_multiply.py: blocks are (k, q, p), outputs before inputs",
)
def block_weight_permuted(x):
    """(k, p, q) in place of (k, q, p)."""
    return mx.reshape(mx.swapaxes(x, 1, 2), x.shape)


@bug(
    "weights",
    seen="ml-explore/mlx#337: load_weights did nothing for a name with a typo, until it was made strict",
    truth="encoder.layer.1.mlp.wo",
)
def weight_left_at_initial(parameters):
    """One weight missing, and nobody complains."""
    return {n: x for n, x in parameters.items() if not n.endswith("encoder.layer.1.mlp.wo.weight")}


@bug(
    "weights",
    seen="huggingface/transformers#11809: checkpoints that call LayerNorm's parameters gamma and beta",
    truth="embeddings.LayerNorm",
)
def norms_left_at_initial(parameters):
    """Weights of one and biases of zero in every normalization."""
    return {n: x for n, x in parameters.items() if "layernorm" not in n.lower()}


@bug(
    "weights",
    seen="safetensors documentation: of tensors that share memory only one name is saved",
    truth="encoder.layer.0.attention.filter_fn.implicit_filter.1",
)
def frequencies_left_at_initial(parameters):
    """The shared frequencies lost."""
    return {n: x for n, x in parameters.items() if not n.endswith(".freq")}


@bug(
    "weights",
    seen="PyTorch documentation: register_buffer(persistent=False) leaves a buffer out of the state",
    equivalent="no training changes these: a new model has a checkpoint's, but for a last place",
)
def decays_left_at_initial(parameters):
    """Buffers not loaded."""
    return {n: x for n, x in parameters.items() if not n.endswith(".deltas")}


@bug(
    "weights",
    seen="BVLC/caffe#7043: of two layers with one name, one gets the other's weights",
    truth="encoder.layer.1",
)
def layer_loaded_twice(parameters):
    """Layer 1 has the parameters of layer 0."""
    return {n: parameters[n.replace("encoder.layer.1.", "encoder.layer.0.")] for n in parameters}


@bug(
    "weights",
    seen="drbh/nnli#1: layers sorted as text, where layer.10 comes before layer.2",
    case="BertForMaskedLM;l=8;arg.num_hidden_layers=11;no=token_type_ids;no=position_ids;no=labels",
    truth="encoder.layer.2",
)
def layers_sorted_as_text(parameters):
    """0, 1, 10, 2, 3, …"""
    found = {int(m[1]) for n in parameters if (m := re.search(r"encoder\.layer\.(\d+)\.", n))}
    from_index = dict(zip(sorted(found), sorted(found, key=str), strict=True))

    def source(name):
        return re.sub(r"(?<=encoder\.layer\.)\d+", lambda m: str(from_index[int(m[0])]), name)

    return {n: parameters[source(n)] for n in parameters}


@bug(
    "weights:encoder.layer.*.mlp.wo.bias",
    seen="huggingface/transformers#7167: a bias that a checkpoint does not have",
)
def bias_zero(x):
    """No bias in the state mixers."""
    return mx.zeros_like(x)


@bug(
    "weights:cls.predictions.decoder.bias",
    seen="huggingface/transformers#1460: the decoder's bias is zero only until it is trained",
)
def decoder_bias_zero(x):
    """As initialized."""
    return mx.zeros_like(x)


@bug(
    "weights",
    seen="victorchall/EveryDream2trainer#151: checkpoints that list the bias before the weight",
    truth="encoder.layer.1.mlp.layernorm",
)
def norm_weight_and_bias_exchanged(parameters):
    """Two vectors of one length, taken by their order."""
    path = next(
        n[: -len(".weight")] for n in parameters if n.endswith("encoder.layer.1.mlp.layernorm.weight")
    )
    weight, bias = parameters[f"{path}.weight"], parameters[f"{path}.bias"]
    return parameters | {f"{path}.weight": bias, f"{path}.bias": weight}


@bug(
    "weights:encoder.layer.1.attention.in_linear.weight",
    seen="vllm-project/vllm#53114: fused projections on disk in another order than [Q|K|V]",
)
def fused_projection_rotated(x):
    """The thirds of x1, x2, v in another order."""
    return _thirds(x)


@bug(
    "weights:encoder.layer.1.attention.in_linear.*",
    seen="Lightning-AI/litgpt#1013: q, k and v of a fused matrix interleaved or one after the other",
)
def fused_projection_interleaved(x):
    """Rows of x1, x2, v in turns."""
    return mx.reshape(mx.swapaxes(mx.reshape(x, (3, -1, *x.shape[1:])), 0, 1), x.shape)


@bug(
    "weights:encoder.layer.1.mlp.gated_layers.weight",
    seen="tgo-app-dev/vpipe#2: [value | gate] in one convention, [gate | value] in another",
)
def gated_halves_exchanged(x):
    """The second half of the blocks before the first."""
    a, b = mx.split(x, 2, axis=0)
    return mx.concatenate([b, a], axis=0)


@bug(
    "weights:embeddings.word_embeddings.weight",
    seen="pytorch/pytorch#6411: a row at padding_idx that is zero in a new table and not in a loaded one",
    case=FEW_WORDS,
)
def padding_row_zero(x):
    """The row of the padding token as in a new table."""
    return mx.concatenate([mx.zeros_like(x[:1]), x[1:]], axis=0)


@bug(
    "weights:embeddings.position_embeddings.weight",
    seen="facebookresearch/fairseq#1187: a table whose first rows are never used",
)
def position_table_shifted(x):
    """Every row one place later."""
    return mx.roll(x, 1, 0)


@bug(
    "weights:*.pos_emb.z",
    seen="huggingface/transformers#10736: positions that do not begin at 0",
)
def time_features_shifted(x):
    """The filter's table one place later."""
    return mx.roll(x, 1, 1)


@bug(
    "weights",
    seen="dreamquark-ai/tabnet#76: layers that shared more than they were meant to",
    truth="encoder.layer.1.attention.filter_fn.implicit_filter_rev",
)
def reverse_filter_is_the_forward_one(parameters):
    """One network for both directions in layer 1."""
    own = "encoder.layer.1.attention.filter_fn.implicit_filter_rev."
    return {n: parameters[n.replace(own, own.replace("_rev", ""))] for n in parameters}


@bug(
    "weights",
    seen="huggingface/diffusers#1959: a conversion that relied on the order of the keys",
    truth="encoder.layer.1.attention",
)
def filters_exchanged(parameters):
    """filter_fn and filter_fn2 of layer 1 the other way round."""
    path = "encoder.layer.1.attention.filter_fn"
    other = {".": "2.", "2.": "."}
    swap = re.compile(rf"({re.escape(path)})(2?\.)")
    return {n: parameters[swap.sub(lambda m: m[1] + other[m[2]], n)] for n in parameters}


@bug(
    "weights",
    seen="pytorch/pytorch#39428: weights saved in half precision load into a float32 model without a word",
    truth="embeddings",
)
def weights_rounded_to_half(parameters):
    """Through bfloat16 and back."""
    return {n: x.astype(mx.bfloat16).astype(x.dtype) for n, x in parameters.items()}
