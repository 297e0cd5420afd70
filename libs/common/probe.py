"""`python -m libs.common.probe`: asks this machine's process for its health, as a container's health check does.

Exit status 0: it says that it is ready; 1: it does not, or does not answer. Another of its questions may be named:
`live`, `ready`, `dependencies`. Nothing but Python's own is loaded: it runs every few seconds.
"""

import http.client
import os
import sys

SECONDS = 4.0


def ask(port: int, question: str) -> tuple[bool, str]:
    """Whether the process behind this ops port says yes, and its words."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", f"/health/{question}")
        answer = connection.getresponse()
        return answer.status == http.client.OK, answer.read(2_000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return False, f"no answer on port {port}: {error or type(error).__name__}"
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Print the words, return the exit status."""
    port = int(os.environ.get("QUNLI_OPS_PORT") or 0)
    if not port:
        sys.stderr.write("QUNLI_OPS_PORT names no port to ask.\n")
        return 2
    yes, words = ask(port, arguments[0] if arguments else "ready")
    sys.stdout.write(f"{words}\n")
    return 0 if yes else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
