"""A real API server of Kubernetes on this machine, with its etcd, for checks. It starts no containers.

Built of the modules that `deploy/tools/go/cluster` pins. Nobody runs the controllers: what they would do does not
happen, so that what was applied stays as it is.
"""

import os
import secrets
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.local.child import Child, Command
from deploy.local.ports import HOST, free_port
from deploy.tools.go_tools import built
from libs.common.errors import QunliError

MODULE = "cluster"
API_SERVER = "k8s.io/kubernetes/cmd/kube-apiserver"
KUBECTL = "k8s.io/kubernetes/cmd/kubectl"
ETCD = "go.etcd.io/etcd/server/v3"


# Of what the server warns, what is meant. A job is named by its image's tag, and tags have dots.
MEANT = ("a DNS label is recommended: [must not contain dots]",)


class KubectlFailed(QunliError):
    """kubectl {arguments}: {why}"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """How to talk to it. `folder`: where its files lie."""

    folder: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints. KubectlFailed, also where the server only warns."""
        place = ["--kubeconfig", str(self.folder / "kubeconfig"), "--cache-dir", str(self.folder / "cache")]
        ran = subprocess.run(  # noqa: S603
            [str(built(MODULE, KUBECTL)), *place, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        warnings = [line for line in ran.stderr.splitlines() if not any(meant in line for meant in MEANT)]
        if ran.returncode or warnings:
            raise KubectlFailed(arguments=" ".join(arguments), why=" ".join(warnings))
        return ran.stdout


@contextmanager
def api_server(folder: Path) -> Iterator[Cluster]:
    """A fresh one, with its files in `folder`. UserError, ChildFailed, ChildLate."""
    etcd_port, peer_port, port = _free_ports(3)
    token = secrets.token_hex(16)
    _write_secrets(folder, token)
    _write_kubeconfig(folder, port, token)
    etcd = Child(_etcd(folder, etcd_port, peer_port))
    server = Child(_server(folder, etcd_port, port, token))
    try:
        for child in (etcd, server):
            child.start()
            child.wait_ready()
        yield Cluster(folder)
    finally:
        for child in (server, etcd):
            child.stop(grace=10)


def _free_ports(count: int) -> list[int]:
    ports: list[int] = []
    for _ in range(count):
        ports.append(free_port((), ports))
    return ports


def _write_secrets(folder: Path, token: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / "accounts.pem").write_bytes(pem)
    (folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")


def _write_kubeconfig(folder: Path, port: int, token: str) -> None:
    # The server signs its certificate itself, at its start.
    address = {"server": f"https://{HOST}:{port}", "certificate-authority": str(folder / "tls" / "apiserver.crt")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": address}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "admin"}}],
        "current-context": "it",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))


def _etcd(folder: Path, port: int, peer_port: int) -> Command:
    client, peer = f"http://{HOST}:{port}", f"http://{HOST}:{peer_port}"
    argv = (
        str(built(MODULE, ETCD)),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    return _command("etcd", argv, folder, lambda: _answers(f"{client}/health", verify=False))


def _server(folder: Path, etcd_port: int, port: int, token: str) -> Command:
    argv = (
        str(built(MODULE, API_SERVER)),
        f"--etcd-servers=http://{HOST}:{etcd_port}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'tls'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'accounts.pem'}",
        f"--service-account-signing-key-file={folder / 'accounts.pem'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
    )

    def is_ready() -> bool:
        certificate = folder / "tls" / "apiserver.crt"
        if not certificate.exists():
            return False
        trust = ssl.create_default_context(cafile=certificate)
        return _answers(f"https://{HOST}:{port}/readyz", verify=trust, headers={"Authorization": f"Bearer {token}"})

    return _command("kube-apiserver", argv, folder, is_ready)


def _answers(url: str, **with_what: Any) -> bool:
    try:
        return httpx.get(url, timeout=2, **with_what).is_success
    except httpx.HTTPError:
        return False


def _command(name: str, argv: tuple[str, ...], folder: Path, is_ready: Callable[[], bool]) -> Command:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return Command(name, argv, environment, cwd=folder, log=folder / f"{name}.log", is_ready=is_ready)
