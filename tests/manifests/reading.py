"""Looking things up in what an overlay renders to."""

from functools import lru_cache

from deploy.k8s.render import Document, rendered


@lru_cache
def documents(overlay: str) -> list[Document]:
    """Everything that an overlay makes."""
    return rendered(overlay)
