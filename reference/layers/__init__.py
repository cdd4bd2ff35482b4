"""The layers of M2-BERT, under the names of the canonical classes."""

from .activation import Activation, Dropout, Identity
from .embeddings import BertEmbeddings, Embedding
from .encoder import BertEncoder, BertLayer
from .filter import ExponentialModulation, HyenaFilter, PositionalEmbedding, Sine
from .heads import (
    BertLMPredictionHead,
    BertOnlyMLMHead,
    BertPredictionHeadTransform,
    TiedDecoder,
)
from .linear import BlockdiagLinear, Linear
from .mixer import MonarchMixerSequenceMixing, ShortFilter
from .mlp import BertGatedLinearUnitMLP, BertMLP
from .norm import LayerNorm
from .pooler import AttentionPooler, BertPooler

__all__ = [
    "Activation",
    "AttentionPooler",
    "BertEmbeddings",
    "BertEncoder",
    "BertGatedLinearUnitMLP",
    "BertLMPredictionHead",
    "BertLayer",
    "BertMLP",
    "BertOnlyMLMHead",
    "BertPooler",
    "BertPredictionHeadTransform",
    "BlockdiagLinear",
    "Dropout",
    "Embedding",
    "ExponentialModulation",
    "HyenaFilter",
    "Identity",
    "LayerNorm",
    "Linear",
    "MonarchMixerSequenceMixing",
    "PositionalEmbedding",
    "ShortFilter",
    "Sine",
    "TiedDecoder",
]
