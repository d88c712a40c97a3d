"""How the cloud on one machine says no: one error, with a sentence for whoever ran `make run`."""


class LocalError(Exception):
    """The shop cannot be started, or cannot go on."""
