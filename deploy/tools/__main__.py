"""`python -m deploy.tools`: build the checkers in Go that the tests run, where they are not there yet.

Before the tests, so that no compiler takes the cores from those that measure how long a client waits.
"""

import sys

from rich.console import Console

from deploy.tools.go_tools import built
from libs.common.errors import UserError

NAMES = ("compose", "kustomize", "promtool")


def main() -> int:
    """Build them; 1 if that fails, with what to do."""
    console = Console(highlight=False)
    with console.status("") as status:
        for name in NAMES:
            status.update(f"Building {name}; the first time some minutes")
            try:
                built(name)
            except UserError as error:
                status.stop()
                console.print(f"✗ {error}", style="red", markup=False, soft_wrap=True)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
