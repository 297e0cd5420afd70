"""The last step before a child process of the stack: give up root, tie its life to the parent's, become the command.

    python -I -S launch.py PARENT DEATH_SIGNAL UID GID COMMAND...

A program of its own and not a `preexec_fn`: that runs Python between fork and exec, which may hang in a process
with threads. The order matters: Linux forgets the death signal when the user changes, so it is set after that.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """UID and GID -1: keep them. Never returns."""
    parent, death_signal, uid, gid = (int(argument) for argument in sys.argv[1:5])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it died before the line above: nobody would send the signal any more
        sys.exit(1)
    os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
