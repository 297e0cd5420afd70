"""Places where a test has the process killed, as a power cut would, or stopped, as by a stalled machine.

`QUNLI_FAILPOINT=ingest.acked` kills at the first pass, `ingest.acked:3` at the third: no handler runs, nothing is
flushed. `state:3:stop` stops the process there instead, once, until somebody sends it SIGCONT.
"""

import os
import signal
from collections import Counter

_name, _, _rest = os.environ.get("QUNLI_FAILPOINT", "").partition(":")
_nth, _, _how = _rest.partition(":")
_at = int(_nth or 1)
_signal = signal.SIGSTOP if _how == "stop" else signal.SIGKILL
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Die here by SIGKILL, or stop here, if the environment says so; otherwise nothing."""
    if _name and name == _name:
        _passed[name] += 1
        if _passed[name] == _at:
            os.kill(os.getpid(), _signal)
