"""M2-BERT: embeddings, encoder, pooler, and the heads. Composition, nothing else."""

import mlx.core as mx
from mlx import nn

from . import ops
from .config import M2BertConfig
from .layers import (
    AttentionPooler,
    BertEmbeddings,
    BertEncoder,
    BertOnlyMLMHead,
    BertPooler,
    Dropout,
    Linear,
)


class BertModel(nn.Module):
    """The encoder with its pooler.

    Shapes: input_ids, attention_mask, token_type_ids: (b, l) integers, rows: (n,) into b·l →
        sequence_output: (b, l, d), or (n, d) with rows, pooled_output: (b, d), absent without pooler.
    Raises: ValueError if the masks do not have input_ids' shape, or the length exceeds the tables.
    Source: canonical ``BertModel``.
    """

    def __init__(self, config: M2BertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__()
        self.embeddings = BertEmbeddings(config)
        self.encoder = BertEncoder(config)
        self.pooler: nn.Module | None = None
        if config.attention_pooling:  # even where no pooling layer was asked for, as canonical
            self.pooler = AttentionPooler(config)
        elif add_pooling_layer:
            self.pooler = BertPooler(config)

    def __call__(
        self,
        input_ids: mx.array,
        attention_mask: mx.array | None = None,
        token_type_ids: mx.array | None = None,
        position_ids: mx.array | None = None,
        masked_tokens_mask: mx.array | None = None,
    ) -> dict[str, mx.array]:
        if input_ids.ndim != 2:
            raise ValueError(f"input_ids have shape {tuple(input_ids.shape)}, expected (b, l)")
        for name, extra in (("attention_mask", attention_mask), ("token_type_ids", token_type_ids)):
            if extra is not None and extra.shape != input_ids.shape:
                raise ValueError(
                    f"{name} has shape {tuple(extra.shape)}, expected that of input_ids, "
                    f"{tuple(input_ids.shape)}"
                )
        if attention_mask is None:
            attention_mask = mx.ones_like(input_ids)
        x = self.embeddings(input_ids, token_type_ids, position_ids)  # (b, l, d)
        if masked_tokens_mask is None:
            x = self.encoder(x)
            outputs = {"sequence_output": x}
            if self.pooler is not None:
                outputs["pooled_output"] = self.pooler(x, attention_mask)
            return outputs
        if self.pooler is not None:
            raise ValueError(
                "a masked-language-model loss with attention_pooling=True has no meaning: the pooler "
                "needs whole sequences; set attention_pooling=False"
            )
        # The encoder hands on the masked tokens and each first token; the head gets the former.
        b, length = input_ids.shape
        first = mx.equal(mx.arange(length, dtype=mx.int32), mx.array(0, dtype=mx.int32))  # (l,)
        subset = mx.logical_or(masked_tokens_mask, first)
        rows = ops.nonzero(mx.reshape(subset, (b * length,)))
        x = self.encoder(x, rows)
        masked = mx.reshape(masked_tokens_mask, (b * length,))
        wanted = ops.nonzero(ops.gather_rows(masked, rows))
        return {"sequence_output": ops.gather_rows(x, wanted)}


class BertForMaskedLM(nn.Module):
    """Scores over the vocabulary, and the loss over masked positions (labels above 0).

    With labels, the logits are those of the masked positions, scattered into zeros.

    Shapes: input_ids, attention_mask, token_type_ids, labels: (b, l) →
        logits: (b, l, vocabulary), loss: (1,) if there are labels.
    Raises: ValueError if labels mark a padded position or do not have input_ids' shape.
    Source: canonical ``BertForMaskedLM``.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = BertOnlyMLMHead(config, self.bert.embeddings.word_embeddings)

    def tied(self) -> dict[str, str]:
        """The decoder's table is that of the word embeddings."""
        return {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}

    def __call__(
        self,
        input_ids: mx.array,
        attention_mask: mx.array | None = None,
        token_type_ids: mx.array | None = None,
        position_ids: mx.array | None = None,
        labels: mx.array | None = None,
    ) -> dict[str, mx.array]:
        if labels is None:
            x = self.bert(input_ids, attention_mask, token_type_ids, position_ids)
            return {"logits": self.cls(x["sequence_output"])}
        if labels.shape != input_ids.shape:
            raise ValueError(
                f"labels have shape {tuple(labels.shape)}, expected that of input_ids, "
                f"{tuple(input_ids.shape)}"
            )
        masked = mx.greater(labels, mx.array(0, dtype=labels.dtype))
        if attention_mask is not None:
            padding = mx.equal(attention_mask, mx.array(0, dtype=attention_mask.dtype))
            wrong = mx.any(mx.logical_and(masked, padding))
            if wrong.item():  # noqa: MXP201 an error depends on the values, once a forward pass with labels
                raise ValueError(
                    "a label above 0 stands at a position where attention_mask is 0; "
                    "set labels to 0 or below at padding"
                )
        x = self.bert(input_ids, attention_mask, token_type_ids, position_ids, masked)
        scores = self.cls(x["sequence_output"])  # (n, vocabulary)
        b, length = input_ids.shape
        rows = ops.nonzero(mx.reshape(masked, (b * length,)))
        loss = ops.cross_entropy(scores, ops.gather_rows(mx.reshape(labels, (b * length,)), rows))
        return {"logits": ops.pad_input(scores, rows, b, length), "loss": loss}


class BertForSequenceClassification(nn.Module):
    """A linear classifier on the pooled output, or the sentence embedding itself.

    The loss follows `problem_type`; without one, it is regression for a single label, single-label
    classification for integer labels, else multi-label classification. With
    `gather_sentence_embeddings` the result is the pooled output, or with `use_cls_token` the first
    token of the sequence, normalized to unit length with `use_normalized_embeddings`.

    Shapes: input_ids, attention_mask, token_type_ids: (b, l), labels: (b,) or (b, num_labels) →
        logits: (b, num_labels), loss: (1,) if there are labels; or sentence_embedding: (b, d).
    Source: canonical ``BertForSequenceClassification``.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = BertModel(config)
        p = config.classifier_dropout
        self.dropout = Dropout(config.hidden_dropout_prob if p is None else p)
        self.classifier = Linear(config.hidden_size, config.num_labels)

    def __call__(
        self,
        input_ids: mx.array,
        attention_mask: mx.array | None = None,
        token_type_ids: mx.array | None = None,
        position_ids: mx.array | None = None,
        labels: mx.array | None = None,
    ) -> dict[str, mx.array]:
        x = self.bert(input_ids, attention_mask, token_type_ids, position_ids)
        if self.config.gather_sentence_embeddings:
            first = x["sequence_output"][:, 0]
            embedding = first if self.config.use_cls_token else x["pooled_output"]
            if self.config.use_normalized_embeddings:
                embedding = ops.l2_normalize(embedding)
            return {"sentence_embedding": embedding}
        logits = self.classifier(self.dropout(x["pooled_output"]))  # (b, num_labels)
        if labels is None:
            return {"logits": logits}
        return {"logits": logits, "loss": self._loss(logits, labels)}

    def _loss(self, logits: mx.array, labels: mx.array) -> mx.array:
        problem = self.config.problem_type
        if problem is None:
            if self.config.num_labels == 1:
                problem = "regression"
            elif mx.issubdtype(labels.dtype, mx.floating):
                problem = "multi_label_classification"
            else:
                problem = "single_label_classification"
        if problem == "single_label_classification":
            return ops.cross_entropy(logits, mx.reshape(labels, (labels.size,)))
        target = mx.astype(labels, logits.dtype)
        if problem == "regression":
            return ops.mse_loss(logits, mx.reshape(target, logits.shape))
        return ops.bce_with_logits(logits, target)


HEADS = {
    "model": BertModel,
    "mlm": BertForMaskedLM,
    "cls": BertForSequenceClassification,
}
