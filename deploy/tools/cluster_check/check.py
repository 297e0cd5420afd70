"""The overlays on a real API server: it takes them whole, twice, and every pod of them under `restricted`.

After dev and prod comes one with all components, so that those which both leave out are taken too.
"""

import copy
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import yaml

from deploy.k8s.render import OVERLAYS, rendered, write_whole
from deploy.local.child import ChildFailed, ChildLate
from deploy.tools import crds
from deploy.tools.cluster_check.api_server import API_SERVER, MODULE, Cluster, KubectlFailed, api_server
from deploy.tools.cluster_check.pods import Document, as_root, pods
from deploy.tools.go_tools import built
from libs.common.clock import monotonic
from libs.common.errors import QunliError

ENFORCE = "pod-security.kubernetes.io/enforce"
APPLY = ("apply", "--server-side", "--validate=strict", "--field-manager=qunli", "-f", "-")

ESTABLISHED_SECONDS = 120.0
Tell = Callable[[str], None]  # what is done now; what was done is told by `check`'s caller


class NotServed(QunliError):
    """The API server does not serve {names} after {seconds:.0f} s. Try again; if it stays so, the definition is not one
    that this version of Kubernetes takes.
    """


class Changed(QunliError):
    """The overlay {overlay} applied a second time changed {what}. A field stands there that the server writes
    otherwise: leave it out, or write it as the server does.
    """


class NotEnforced(QunliError):
    """The namespace {namespace} has pods of ours and does not enforce `restricted`: label it {label}: restricted."""


class TakesAnything(QunliError):
    """The server takes {what}: this check would find nothing. See whether the namespace's labels and the definition
    of the resource have arrived.
    """


def check(start: Tell, done: Tell) -> None:
    """Every step, telling what starts and what is done. UserError, or a QunliError that says what to mend."""
    start("Building kube-apiserver, kubectl and etcd; the first time eleven minutes and more")
    built(MODULE, API_SERVER)
    start("Fetching the definitions of the custom resources; the first time a minute")
    definitions = crds.definitions()
    done(f"{len(definitions)} definitions of custom resources, kube-apiserver, kubectl and etcd are there")
    for overlay in OVERLAYS:
        _check_on_a_fresh_server(overlay, rendered(overlay), definitions, start, done)
    with tempfile.TemporaryDirectory() as folder:
        write_whole(Path(folder), {})
        _check_on_a_fresh_server("all components", rendered(folder), definitions, start, done)


def _check_on_a_fresh_server(
    overlay: str, documents: list[Document], definitions: list[Document], start: Tell, done: Tell
) -> None:
    start(f"{overlay}: starting a fresh API server")
    with _folder() as folder, api_server(folder) as cluster:
        _check_overlay(cluster, overlay, documents, definitions, start, done)


@contextmanager
def _folder() -> Iterator[Path]:
    """One that goes away afterwards, unless the server failed: its log lies there."""
    folder = Path(tempfile.mkdtemp(prefix="qunli-cluster-"))
    try:
        yield folder
    except (ChildFailed, ChildLate):
        raise
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def _check_overlay(
    cluster: Cluster, overlay: str, documents: list[Document], definitions: list[Document], start: Tell, done: Tell
) -> None:
    start(f"{overlay}: giving it the definitions of the custom resources")
    cluster.kubectl(*APPLY, stdin=_yaml(definitions))
    _wait_for_definitions(cluster)

    start(f"{overlay}: applying {len(documents)} objects, twice")
    cluster.kubectl(*APPLY, stdin=_yaml(documents))
    before = stand(cluster, documents)
    cluster.kubectl(*APPLY, stdin=_yaml(documents))
    after = stand(cluster, documents)
    if changed := sorted(name for name in after if after[name] != before.get(name)):
        raise Changed(overlay=overlay, what=", ".join(changed))
    done(f"{overlay}: {len(documents)} objects applied, and nothing changed when they were applied again")

    templates = [*pods(documents)]
    start(f"{overlay}: creating {len(templates)} pods")
    namespaces = sorted({pod["metadata"]["namespace"] for pod in templates})
    for namespace in namespaces:
        _check_enforced(cluster, namespace)
    cluster.kubectl("create", "--validate=strict", "-f", "-", stdin=_yaml(templates))
    done(f"{overlay}: {len(templates)} pods created under enforced `restricted` in {', '.join(namespaces)}")

    start(f"{overlay}: trying what must be refused")
    for pod in templates:
        refused(cluster, as_root(pod), "a pod that is root", "violates PodSecurity")
    spoilt = [*with_unknown_field(documents)]
    for document in spoilt:
        refused(cluster, document, f"a {document['kind']} with an unknown field", "qunliUnknown")
    done(f"{overlay}: refused was each pod as root, and an unknown field in each of {len(spoilt)} kinds")


def _wait_for_definitions(cluster: Cluster) -> None:
    """Until the server serves them. `kubectl wait` fails on those that have no condition at all yet."""
    deadline = monotonic() + ESTABLISHED_SECONDS
    while late := [one["metadata"]["name"] for one in _definitions(cluster) if not _is_established(one)]:
        if monotonic() > deadline:
            raise NotServed(names=", ".join(late), seconds=ESTABLISHED_SECONDS)
        sleep(0.5)


def _definitions(cluster: Cluster) -> list[Document]:
    found: list[Document] = json.loads(cluster.kubectl("get", "customresourcedefinitions", "-o", "json"))["items"]
    return found


def _is_established(definition: Document) -> bool:
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def stand(cluster: Cluster, documents: Iterable[Document]) -> dict[str, Document]:
    """Each object as it stands, by kind, namespace and name; without its version.

    The version moves once where the server writes down a status that it had only filled in.
    """
    listed = json.loads(cluster.kubectl("get", "-o", "json", "-f", "-", stdin=_yaml(documents)))
    objects = {}
    for item in listed["items"]:
        metadata = item["metadata"]
        del metadata["resourceVersion"]
        objects[f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"] = item
    return objects


def _check_enforced(cluster: Cluster, namespace: str) -> None:
    labels = json.loads(cluster.kubectl("get", "namespace", namespace, "-o", "json"))["metadata"].get("labels", {})
    if labels.get(ENFORCE) != "restricted":
        raise NotEnforced(namespace=namespace, label=ENFORCE)


def refused(cluster: Cluster, document: Document, what: str, reason: str) -> None:
    """TakesAnything unless the server refuses it for this reason."""
    try:
        cluster.kubectl(*APPLY, "--dry-run=server", "--force-conflicts", stdin=_yaml([document]))
    except KubectlFailed as error:
        if reason in str(error):
            return
        raise
    raise TakesAnything(what=what)


def with_unknown_field(documents: Iterable[Document]) -> Iterable[Document]:
    """One object of each kind that has a spec, with a field in it that no version knows."""
    kinds = {(document["apiVersion"], document["kind"]): document for document in documents if "spec" in document}
    for document in kinds.values():
        spoilt = copy.deepcopy(document)
        spoilt["spec"]["qunliUnknown"] = 1
        yield spoilt


def _yaml(documents: Iterable[Document]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True)
