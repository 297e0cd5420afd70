"""What of the manifests is made of the code stands there as it would be made now."""

from deploy.k8s import generated


def test_the_manifests_made_of_the_code_are_not_stale() -> None:
    assert generated.stale() == [], "run `make manifests`"
