"""M2-BERT (Monarch Mixer BERT) in PyTorch: the canonical model, readable, in any floating dtype."""

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
