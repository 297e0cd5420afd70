"""`qunli`: one command per module of deploy/local/commands.

A module's name is the command's (`close_day.py` is `qunli close-day`, `import_.py` is `qunli import`), the first line
of its docstring the help, and its `app` a typer app: with one command it is that command, with several they are its
subcommands. Modules are found, not listed, and only the one that is asked for is loaded: heavy libraries cost the
others nothing.
"""

import ast
import sys
from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword
from pathlib import Path

COMMANDS = Path(__file__).with_name("commands")


def command_names() -> list[str]:
    """Every command, in the order of the alphabet."""
    return sorted(path.stem.rstrip("_").replace("_", "-") for path in COMMANDS.glob("[a-z]*.py"))


def module_name(name: str) -> str:
    """The module of a command; one that is a word of Python ends in an underscore."""
    stem = name.replace("-", "_")
    return f"{stem}_" if iskeyword(stem) else stem


def help_line(name: str) -> str:
    """What a command does, read from its module without loading it."""
    source = (COMMANDS / f"{module_name(name)}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def usage() -> str:
    """The list of commands."""
    names = command_names()
    width = max(map(len, names))
    lines = [f"  {name:{width}}  {help_line(name)}" for name in names]
    return "\n".join(["Usage: qunli COMMAND [OPTIONS]   (qunli COMMAND --help tells more)", "", *lines])


def main() -> None:
    """Run one command; what is wrong is one line, exit status 2 if it is the caller's to mend, else 1."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in {"--help", "-h", "help"}:
        print(usage())
    elif name in command_names():
        _run(name, arguments)
    else:
        near = get_close_matches(name, command_names(), 1)
        _fail(f"There is no command {name!r}. {f'Did you mean {near[0]}?' if near else 'See qunli --help.'}", 2)


def _run(name: str, arguments: list[str]) -> None:
    from libs.common.errors import QunliError, UserError

    try:
        app = import_module(f"deploy.local.commands.{module_name(name)}").app
        app(arguments, prog_name=f"qunli {name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in {"deploy", "libs", "services"}:
            raise
        _fail(f"`qunli {name}` needs {error.name}, which a container's image leaves out. Run it from a checkout.", 2)
    except UserError as error:
        _fail(str(error), 2)
    except QunliError as error:
        _fail(str(error), 1)
    except OSError as error:
        if error.errno != 28:  # ENOSPC
            raise
        _fail(f"The disk is full ({error.filename or error.strerror}). Make room and try again.", 2)


def _fail(line: str, status: int) -> None:
    red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
    print(f"{red}{' '.join(line.split())}{plain}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
