"""What of the manifests can be seen without rendering them."""

from deploy.k8s import generated
from libs.common.config import Settings

SHARED = generated.HERE / "base/services/settings.env"


def test_the_manifests_made_of_the_code_are_not_stale() -> None:
    assert generated.stale() == [], "run `make manifests`"


def test_each_shared_setting_is_one_and_stands_once() -> None:
    lines = [line.partition("=")[0] for line in SHARED.read_text().splitlines() if line and not line.startswith("#")]
    assert len(set(lines)) == len(lines), "kustomize refuses a name that stands twice"
    ours = {name.removeprefix("QUNLI_").lower() for name in lines if name.startswith("QUNLI_")}
    assert ours <= set(Settings.model_fields)
