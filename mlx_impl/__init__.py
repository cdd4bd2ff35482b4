"""M2-BERT (Monarch Mixer BERT) in MLX: the port, on any device that MLX has."""

from .config import M2_BERT_80M, M2BertConfig
from .model import HEADS, BertForMaskedLM, BertForSequenceClassification, BertModel

__all__ = [
    "HEADS",
    "M2_BERT_80M",
    "BertForMaskedLM",
    "BertForSequenceClassification",
    "BertModel",
    "M2BertConfig",
]
