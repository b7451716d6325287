"""What a user is told in one line, without a traceback, as opposed to a bug."""


class InputError(Exception):
    """Something that the user gave is wrong; the message names it and the way out."""


class StoppedError(Exception):
    """The user, or the machine's scheduler, asked to stop; the message says how to go on."""
