"""The versions of schemas: what the code needs is what its files are."""

from hashlib import sha256

from libs.common.migrate import ENGAGEMENT_VIEWS, GRANTS, SCHEMAS, SEGMENTATION_VIEWS
from libs.common.schema import VIEWS_VERSION, lacking, needed, newest

# The first 16 digits of the SHA-256 of views and grants, by their version.
VIEWS = {1: "0270501856f1fcf6", 2: "a34d7113b7e87ff7", 3: "b739425e65f6e773"}


def test_whoever_changes_views_or_grants_raises_their_version() -> None:
    text = b"".join(path.read_bytes() for path in (ENGAGEMENT_VIEWS, SEGMENTATION_VIEWS, GRANTS))
    digest = sha256(text).hexdigest()[:16]
    assert VIEWS.get(VIEWS_VERSION) == digest, (
        "Views or grants have changed: raise VIEWS_VERSION in libs/common/schema.py, so that services wait for them, "
        f"and write down here: {digest}"
    )


def test_every_folder_of_migrations_has_its_version() -> None:
    folders = {folder for parts in SCHEMAS.values() for folder in parts}
    assert {newest(folder) for folder in folders} <= set(needed().values())
    assert len(needed()) == len(folders) + 1


def test_what_is_lacking_is_said_in_words() -> None:
    assert lacking({"auth": 2, "views": 3}, {"auth": 2, "views": 1}) == ""
    assert lacking({"auth": 1}, {"auth": 2, "views": 1}) == (
        "auth has version 1 and 2 is needed, views has version 0 and 1 is needed"
    )
