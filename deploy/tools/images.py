"""`python -m deploy.tools.images`: writes beside each image's tag the digest that its registry has for it now.

A tag may be moved, a digest cannot. Only files that name images are changed, and only the digests in them. Where a
registry does not answer, its images stay as they are, and the exit status is 1.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from libs.common.errors import QunliError

ROOT = Path(__file__).parents[2]
FILES = ("docker-compose.yml", "deploy/Dockerfile", "deploy/k8s/base/data/postgres.yaml")
# Made here, in no registry before somebody pushes it.
OUR_IMAGE = "qunli"
# What docker takes where an image's name begins with no host.
USUAL_HOST, USUAL_FOLDER = "registry-1.docker.io", "library/"
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_NAMED = re.compile(
    r"^(?P<before>\s*(?:image|imageName):\s+|FROM\s+)(?P<name>[a-z0-9][a-z0-9./_:-]*):(?P<tag>[A-Za-z0-9_.-]+)"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?=\s|$)",
    re.MULTILINE,
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
SECONDS = 20.0


class NoDigest(QunliError):
    """{image}: {reason}"""


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a file names it, without its digest."""

    name: str
    tag: str

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"

    @property
    def place(self) -> tuple[str, str]:
        """The registry's host, and the image's name there."""
        host, slash, rest = self.name.partition("/")
        if slash and ("." in host or ":" in host or host == "localhost"):
            return host, rest
        return USUAL_HOST, self.name if slash else USUAL_FOLDER + self.name


Digest = Callable[[Image], str]


def named(text: str) -> Iterator[Image]:
    """The images of others that a file names."""
    for found in _NAMED.finditer(text):
        if found["name"] != OUR_IMAGE:
            yield Image(found["name"], found["tag"])


def pinned(text: str, digests: Mapping[Image, str]) -> str:
    """The text with these digests; an image without one keeps what it has."""

    def line(found: re.Match[str]) -> str:
        digest = digests.get(Image(found["name"], found["tag"]), found["digest"])
        return f"{found['before']}{found['name']}:{found['tag']}{f'@{digest}' if digest else ''}"

    return _NAMED.sub(line, text)


def digest_of(image: Image, scheme: str = "https") -> str:
    """What the image's registry has for its tag. NoDigest."""
    host, name = image.place
    url = f"{scheme}://{host}/v2/{name}/manifests/{image.tag}"
    headers = {"Accept": ", ".join(MANIFESTS)}
    try:
        with httpx.Client(timeout=SECONDS, follow_redirects=True) as client:
            answer = client.head(url, headers=headers)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                headers["Authorization"] = f"Bearer {_token(client, answer.headers.get('WWW-Authenticate', ''))}"
                answer = client.head(url, headers=headers)
    except httpx.HTTPError as error:
        raise NoDigest(image=image, reason=f"{host} does not answer ({error or type(error).__name__})") from error
    digest = str(answer.headers.get("Docker-Content-Digest", ""))
    if not answer.is_success or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise NoDigest(image=image, reason=f"{host} answers {answer.status_code} and no digest; is the tag right?")
    return digest


def _token(client: httpx.Client, challenge: str) -> str:
    """What a registry wants to be shown by everybody, known or not: its challenge says where to get it."""
    asked = dict(_CHALLENGE.findall(challenge))
    realm = asked.pop("realm", "")
    if not realm.startswith("http"):
        return ""
    return str(client.get(realm, params=asked).json().get("token", ""))


def pin(root: Path, digest: Digest, say: Callable[[str], None]) -> bool:
    """Pin what the files below `root` name; whether every image has its digest. `say` gets a line for each."""
    texts = {root / name: (root / name).read_text(encoding="utf-8") for name in FILES if (root / name).exists()}
    digests: dict[Image, str] = {}
    wanted = {image: None for text in texts.values() for image in named(text)}
    for image in wanted:
        try:
            digests[image] = digest(image)
            say(f"{image} is {digests[image]}")
        except NoDigest as error:
            say(f"{error}: it stays as it is")
    for path, text in texts.items():
        if (new := pinned(text, digests)) != text:
            path.write_text(new, encoding="utf-8")
    return len(digests) == len(wanted)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """0: all are pinned; 1: some are not, and it was said why."""
    if pin(ROOT, digest_of, _say):
        return 0
    sys.stderr.write("Some images have no digest: run `make pin-images` again where their registries can be reached.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
