"""`python -m deploy.k8s` writes the manifests that are made of the code; `render OVERLAY` prints an overlay, and
`check OVERLAY` holds it against the schemas. An overlay is one of ours by its name, or the path of yours.
"""

import sys

from deploy.k8s import generated
from deploy.k8s.render import render, rendered
from deploy.k8s.schemas import faults
from libs.common.errors import UserError


def main(arguments: list[str]) -> int:
    """0, or 1 with what to do."""
    try:
        match arguments:
            case []:
                generated.write()
            case ["render", overlay]:
                sys.stdout.write(render(overlay))
            case ["check", overlay]:
                return _check(overlay)
            case _:
                sys.stderr.write("Say `python -m deploy.k8s`, or `... render OVERLAY`, or `... check OVERLAY`.\n")
                return 1
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _check(overlay: str) -> int:
    found = list(faults(rendered(overlay)))
    sys.stdout.writelines(f"{fault}\n" for fault in found or [f"{overlay} fits the schemas."])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
