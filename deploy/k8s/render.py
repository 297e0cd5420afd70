"""Overlays as kustomize renders them: what `kubectl apply -k` would apply, with the pinned version of it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.tools.go_tools import built
from libs.common.errors import UserError

HERE = Path(__file__).parent
OVERLAYS = ("dev", "prod")

Document = dict[str, Any]


def write_whole(folder: Path, values: Mapping[str, str]) -> None:
    """Make an overlay of an empty folder: as prod, with all components and with these values."""

    def up(target: Path) -> str:
        return os.path.relpath(target.resolve(), folder.resolve())  # kustomize takes no other path

    theirs = yaml.safe_load((HERE / "overlays/prod/values.yaml").read_text())
    theirs["data"] |= values
    (folder / "values.yaml").write_text(yaml.safe_dump(theirs))
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [up(HERE / "base"), "values.yaml"],
        "components": [up(path.parent) for path in sorted((HERE / "components").glob("*/kustomization.yaml"))],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))


def render(overlay: str) -> str:
    """The YAML of deploy/k8s/overlays/OVERLAY, or of a folder given by its path. UserError with kustomize's words."""
    folder = HERE / "overlays" / overlay
    command = [str(built("kustomize")), "build", str(folder if folder.exists() else overlay)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    if ran.returncode:
        raise UserError(f"{overlay} does not render: {ran.stderr.strip()}", "Mend its kustomization.yaml.")
    return ran.stdout


def rendered(overlay: str) -> list[Document]:
    """The same as documents."""
    return [document for document in yaml.load_all(render(overlay), yaml.CSafeLoader) if document]
