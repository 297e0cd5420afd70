"""`python -m deploy.k8s` writes the manifests that are made of the code; `render OVERLAY` prints an overlay, and
`check OVERLAY` holds it against the schemas (an overlay is one of ours by its name, or the path of yours); `secrets`
makes those of a new deployment, with the first key.
"""

import sys

import yaml

from deploy.k8s import generated
from deploy.k8s.render import render, rendered
from deploy.k8s.schemas import faults
from deploy.k8s.secrets import fresh
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
            case ["secrets"]:
                _secrets()
            case _:
                sys.stderr.write("Say `python -m deploy.k8s` and `render OVERLAY`, `check OVERLAY` or `secrets`.\n")
                return 1
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _secrets() -> None:
    made, first = fresh()
    sys.stdout.write(yaml.safe_dump_all(made, sort_keys=False, explicit_start=True))
    sys.stderr.write(f"The first key, for you, with all scopes and stores; it is shown only here:\n{first}\n")


def _check(overlay: str) -> int:
    found = list(faults(rendered(overlay)))
    sys.stdout.writelines(f"{fault}\n" for fault in found or [f"{overlay} fits the schemas."])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
