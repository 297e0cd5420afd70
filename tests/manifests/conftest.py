"""The overlays, each rendered once by the pinned kustomize."""

import pytest

from deploy.k8s.render import OVERLAYS, Document
from tests.manifests.reading import documents


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Document]:
    """Each overlay in turn."""
    return documents(request.param)
