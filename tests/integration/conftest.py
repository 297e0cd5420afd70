"""What the integration tests share beside Kafka and Postgres."""

import pytest

from tests.integration.dockerfile import ROOT, Image, build


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The container image, built as deploy/Dockerfile says: half a minute, once for a test run."""
    return build(ROOT / "deploy/Dockerfile", ROOT, tmp_path_factory.mktemp("image"))
