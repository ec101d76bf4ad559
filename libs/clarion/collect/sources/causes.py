"""What ended a read, in one line."""


def cause(error: Exception) -> str:
    """The innermost cause that the error's text names, without the stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    inner = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return inner[-1] if inner else lines[0]
