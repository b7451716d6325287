"""What a user can mend, as opposed to a bug: shown as one line, without a traceback."""


class InputError(Exception):
    """Something that the user gave is wrong; the message names it and the way out."""
