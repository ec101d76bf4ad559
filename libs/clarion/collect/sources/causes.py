"""Why a read failed, in one line."""


def cause(error: Exception) -> str:
    """The innermost cause that the error's text names, without the stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return causes[-1] if causes else lines[0]
