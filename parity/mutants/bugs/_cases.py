"""Cases on which several bugs show."""

CALM = "BertForMaskedLM;arg.hyena_w=1;no=token_type_ids;no=position_ids;no=labels"
"""Slow sines amplify less: the rounding of the whole model is a tenth, and a small bug shows."""

FEW_WORDS = "BertForMaskedLM;v=7;no=token_type_ids;no=position_ids;no=labels"
"""So few words that some of them are the padding token."""

LABELLED = "BertForMaskedLM;no=token_type_ids;no=position_ids"

GRADIENTS = "BertForMaskedLM;vjp"

MASKED_POOL = "BertModel;arg.attention_pooling=True;no=token_type_ids;no=position_ids"

MASKED_MEAN = "BertModel;arg.pool_all=True;no=token_type_ids;no=position_ids"
"""Pooled over a mask: left-aligned, with holes, or right-aligned, by the seed."""
