"""What a worker's process needs, for the fork server to import before it forks; workers share it.

Nothing of it is garbage, so nothing is searched for cycles while it comes in, which would take a fifth of the time.
Where the process that wants it ends meanwhile, nobody needs it any more, and the folder in which it lies may go.
"""

import os
import threading
import time

from study.core.children import driver_of_server, take_over_sockets
from study.core.garbage import pause_collection

DRIVER, LOOK = driver_of_server(), 0.05  # seconds between two looks at whether it is still there
GRACE = 2.0  # seconds before an error is one: with the folder, whoever wants this may be about to go
_done, _remove_sockets = threading.Event(), take_over_sockets()


def _end_with_driver() -> None:
    while not _done.wait(LOOK):
        if os.getppid() != DRIVER:
            _remove_sockets()
            os._exit(0)


_watch = threading.Thread(target=_end_with_driver, daemon=True)
_watch.start()

with pause_collection():  # pages that no search touches afterwards stay shared with the workers
    try:
        import sklearn.metrics  # noqa: F401  which brings pandas and SciPy: 1.4 s and 100 MB, once instead of a worker
        import transformers.generation.utils
        import transformers.models.auto.modeling_auto
        import transformers.models.bert.modeling_bert  # the embedded encoder's family
        import transformers.tokenization_utils_tokenizers  # noqa: F401

        import study.engine.train
        import study.scoring.losses  # noqa: F401
    except BaseException:
        time.sleep(GRACE)
        raise
    finally:
        _done.set()
        _watch.join()  # what forks has no second thread
