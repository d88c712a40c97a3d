"""How a request is refused: AWS's code, a sentence, and the HTTP status."""

from __future__ import annotations


class KinesisError(Exception):
    """A refusal that the client reads. Whoever raises it has changed nothing."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid_argument(message: str) -> KinesisError:
    return KinesisError("InvalidArgumentException", message)


def not_found(message: str) -> KinesisError:
    return KinesisError("ResourceNotFoundException", message)


def unreadable(message: str) -> KinesisError:
    """The body is not the JSON that the operation takes."""
    return KinesisError("SerializationException", message)


def constraint(shown: str, member: str, rule: str) -> KinesisError:
    """One member breaks a rule of the service's model; the words are AWS's."""
    return KinesisError(
        "ValidationException",
        f"1 validation error detected: Value {shown} at '{member}' "
        f"failed to satisfy constraint: Member must {rule}",
    )


def internal_failure() -> KinesisError:
    return KinesisError("InternalFailure", "Internal Service Failure", 500)
