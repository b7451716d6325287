"""Errors that a user can correct: shown in one line. All other errors are bugs and keep their traceback."""


class InputError(Exception):
    """The user's input is wrong; the message names the input and says how to correct it."""


class StoppedError(Exception):
    """The user, or the machine's scheduler, asked to stop; the message says how to go on."""
