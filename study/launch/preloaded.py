"""What a worker's process needs, for the fork server to import before it forks; workers share it.

Nothing of it is garbage, so nothing is searched for cycles while it comes in, which would take a fifth of the time.
"""

import gc

gc.disable()

import transformers.generation.utils  # noqa: E402
import transformers.models.auto.modeling_auto  # noqa: E402
import transformers.models.bert.modeling_bert  # noqa: E402 -- the embedded encoder's family
import transformers.tokenization_utils_tokenizers  # noqa: E402, F401

import study.engine.train  # noqa: E402
import study.scoring.losses  # noqa: E402, F401

gc.freeze()  # pages that no search touches stay shared with the workers
gc.enable()
