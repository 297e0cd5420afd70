"""The one base of Qunli's exceptions. A subclass's docstring is its message, in one line, with `{fields}` filled in."""


class QunliError(Exception):
    """Something that Qunli promises does not hold."""

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(" ".join((self.__doc__ or "").split()).format(**fields))


class UserError(QunliError):
    """{what} {todo}

    For commands: printed as one line, without a traceback, exit status 2.
    """

    def __init__(self, what: str, todo: str) -> None:
        Exception.__init__(self, f"{what} {todo}")
        self.fields = {"what": what, "todo": todo}
