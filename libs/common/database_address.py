"""Postgres' address as asyncpg and psycopg both read it, put together from a URL and the files beside it."""

from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit


def database_address(url: str, ca_file: str = "", password_file: str = "") -> str:
    """`url` with the CA and the password of these files; "" leaves it as it is. OSError.

    With a CA the server's certificate is checked, its name included. Both drivers read the CA's file for each
    connection.
    """
    return (
        with_password(with_ca(url, ca_file), read_password(password_file)) if password_file else with_ca(url, ca_file)
    )


def with_ca(url: str, ca_file: str) -> str:
    """The address of a server whose certificate this CA has signed, and which is checked."""
    if not ca_file:
        return url
    parts = urlsplit(url)
    file = str(Path(ca_file).absolute())  # others may be told this address, in other folders
    added = urlencode({"sslmode": "verify-full", "sslrootcert": file}, quote_via=quote)
    kept = [
        part for part in parts.query.split("&") if part and part.partition("=")[0] not in {"sslmode", "sslrootcert"}
    ]
    return urlunsplit(parts._replace(query="&".join([*kept, added])))


def with_password(url: str, password: str) -> str:
    """The address for the same role with this password."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{quote(password, safe='')}@{host}"))


def read_password(file: str) -> str:
    """What stands in a password's file; line ends and blanks around it do not count. OSError."""
    return Path(file).read_text(encoding="utf-8").strip()


def options_of(url: str) -> dict[str, str]:
    """What stands behind the question mark."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
