"""One tree of errors. Each says what is wrong, what was found and how to fix it."""


class ClarionError(Exception):
    """Something the user can fix.

    Args:
        what: what is wrong, and where.
        found: what is there now.
        fix: what to do about it.
    """

    exit_code = 2

    def __init__(self, what: str, *, found: object = None, fix: str | None = None) -> None:
        self.what, self.found, self.fix = what, found, fix
        lines = [what]
        if found is not None:
            lines.append(f"  found: {found}")
        if fix is not None:
            lines.append(f"  fix:   {fix}")
        super().__init__("\n".join(lines))


def first_line(error: Exception) -> str:
    r"""The first line of an error's text that is not empty; its class where there is none.

    Example:
        >>> first_line(ValueError("\n  no such column\nat line 3"))
        'no such column'
        >>> first_line(KeyError())
        'KeyError'
    """
    return next(
        (line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__
    )


class UsageError(ClarionError):
    """A command or one of its options cannot be understood."""


class ConfigError(ClarionError):
    """A setting, mapping or shop file is wrong."""


class SourceError(ClarionError):
    """A file of the shop cannot be read as its mapping says."""


class ContractError(ClarionError):
    """A frame or a stored table differs from its contract."""


class LakeError(ClarionError):
    """The lake's folder or address cannot be used."""


class SecretError(ClarionError):
    """A key is needed and its reference names nothing."""


class SetupError(ClarionError):
    """Java, memory or a library is missing or wrong."""


class QualityError(ClarionError):
    """Rows violate a check of their table; nothing was written."""

    exit_code = 3
