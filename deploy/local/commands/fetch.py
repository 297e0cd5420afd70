"""Download what the first start needs (Kafka's jars), each checked against its checksum."""

from deploy.local.command_line import fetch_jars, new_app, print_line
from deploy.local.jars import jar_folder, locked_jars

app = new_app()


@app.command()
def fetch() -> None:
    """Download Kafka's jars unless they are there, each checked against its checksum."""
    fetch_jars()
    print_line(f"Kafka's {len(locked_jars())} jars are in {jar_folder()}, each as locked.")
