"""`python -m deploy.node` puts the console's modules into place; with `lock` it writes their lock anew."""

import sys

from deploy.node import modules
from libs.common.errors import UserError


def main(arguments: list[str]) -> int:
    """0, or 1 with what to do."""
    try:
        if arguments == ["lock"]:
            modules.lock()
        else:
            modules.put_into_place()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
