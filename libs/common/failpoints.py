"""Places where a test has the process killed, as a power cut would: no handler runs, nothing is flushed.

`QUNLI_FAILPOINT=ingest.acked` kills at the first pass, `ingest.acked:3` at the third.
"""

import os
import signal
from collections import Counter

_name, _, _nth = os.environ.get("QUNLI_FAILPOINT", "").partition(":")
_at = int(_nth or 1)
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Die here by SIGKILL if the environment says so; otherwise nothing."""
    if _name and name == _name:
        _passed[name] += 1
        if _passed[name] >= _at:
            os.kill(os.getpid(), signal.SIGKILL)
