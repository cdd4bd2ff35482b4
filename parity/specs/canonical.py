"""How cases of the canonical implementation become tasks of our specs."""

from dataclasses import replace

from parity.golden.format import GoldenFile
from parity.golden.parts import Part, adapter, spec_part
from parity.spec import REGISTRY


@adapter("head:model")
def _model(file: GoldenFile) -> list[Part]:
    return [spec_part(file, REGISTRY.get("BertModel"), arguments=file.meta["config"])]


@adapter("head:mlm")
def _mlm(file: GoldenFile) -> list[Part]:
    return [spec_part(file, REGISTRY.get("BertForMaskedLM"), arguments=file.meta["config"])]


@adapter("head:cls")
def _cls(file: GoldenFile) -> list[Part]:
    spec = REGISTRY.get("SequenceClassification")
    return [spec_part(file, spec, arguments=file.meta["config"])]


@adapter("op:fftconv_ref")
def _fftconv(file: GoldenFile) -> list[Part]:
    """The canonical skip weights are a column (d, 1); ours are (d,)."""
    inputs = file.group("input")
    inputs["D"] = inputs["D"].reshape(-1)
    spec = REGISTRY.get("fftconv")
    return [spec_part(file, spec, inputs=inputs, options={"gelu": file.meta["gelu"]})]


@adapter("op:padding")
def _padding(file: GoldenFile) -> list[Part]:
    """The case runs both directions: unpad a batch, then pad the result."""
    inputs, outputs = file.group("input"), file.group("output")
    batch, seqlen = inputs["attention_mask"].shape
    whole = spec_part(file, REGISTRY.get("unpad_input"))
    unpad = replace(whole, wanted={n: x for n, x in outputs.items() if n != "padded"})
    back = spec_part(
        file,
        REGISTRY.get("pad_input"),
        inputs={"hidden_states": outputs["unpadded"], "indices": outputs["indices"]},
        options={"batch": batch, "seqlen": seqlen},
    )
    return [unpad, replace(back, wanted={"output": outputs["padded"]})]
