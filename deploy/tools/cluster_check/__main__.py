"""`python -m deploy.tools.cluster_check` (`make check-cluster`): 0, or 1 with what to mend."""

import sys

from rich.console import Console

from deploy.tools.cluster_check.check import check
from libs.common import clock
from libs.common.errors import QunliError


def main() -> int:
    """Run the check and tell how it goes."""
    console = Console(highlight=False)
    began = clock.monotonic()
    with console.status("") as status:

        def done(text: str) -> None:
            console.print(f"[green]✓[/green] {text}", soft_wrap=True)

        try:
            check(status.update, done)
        except QunliError as error:
            status.stop()
            console.print(f"✗ {error}", style="red", markup=False, soft_wrap=True)
            return 1
    console.print(f"The API server takes all that the manifests say ({clock.monotonic() - began:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
