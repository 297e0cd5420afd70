"""`qunli reset` takes all that a stack has made, and nothing else."""

from pathlib import Path

from deploy.local import folder as folders
from deploy.local.commands.reset import reset


def test_what_imports_and_towns_know_goes_with_the_log_that_it_is_about(tmp_path: Path) -> None:
    folder = folders.folder_at(tmp_path / "data")
    for made in (folder.kafka, folder.imports, folder.towns):
        made.mkdir(parents=True)
        (made / "state.json").write_text("{}")
    (folder.root / "mine.txt").write_text("of somebody else")
    reset(folder.root, yes=True)
    assert [path.name for path in folder.root.iterdir()] == ["mine.txt"]
