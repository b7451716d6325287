"""Errors that a user can correct: shown in one line. All other errors are bugs and keep their traceback."""

import sys
from typing import Any

import typer
from typer.core import TyperCommand

LONGEST = 160  # characters of a library's words that are shown


class InputError(Exception):
    """The user's input is wrong; the message names the input and says how to correct it."""


class StoppedError(Exception):
    """The user, or the machine's scheduler, asked to stop; the message says how to go on."""


def one_line(error: Exception, longest: int = LONGEST) -> str:
    """Return the beginning of a library's words in one line; about a damaged file they may quote the file itself."""
    words = " ".join(str(error).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


class Command(TyperCommand):
    """A command that reports errors of the user's input in one line, without a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run the command; exit 1 on an InputError, 130 if the user or a scheduler stopped it."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            sys.stdout.flush()
            typer.secho(f"error: {error}", fg="red", err=True)
            raise typer.Exit(1) from None
        except StoppedError as stop:
            sys.stdout.flush()
            if str(stop):  # of several processes only the main one has a message
                typer.secho(str(stop), fg="yellow", err=True)
            raise typer.Exit(130) from None
