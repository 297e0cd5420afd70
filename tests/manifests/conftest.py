"""The overlays, each rendered once by the pinned kustomize."""

from pathlib import Path

import pytest

from deploy.k8s.render import OVERLAYS, Document
from tests.manifests.reading import documents

BUILD_SECONDS = 1_200  # the first time kustomize is built


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever of these comes first may have to build."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Document]:
    """Each overlay in turn."""
    return documents(request.param)
