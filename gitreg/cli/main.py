"""The `gitreg` command: which commands there are, and what becomes of errors. A command is imported when it is used."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gitreg.cli import console
from gitreg.errors import Error, UsageError, advice

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Start": {
        "init": ("setup", "make this repository a registry, or bring its set-up up to date"),
        "demo": ("demo", "run the whole story in a new folder"),
        "status": ("setup", "what is not published yet, and what is not set up"),
        "completion": ("completion", "print what makes TAB complete commands and names in your shell"),
    },
    "Log": {
        "run": ("run", "run a command, and record its code, config, inputs and results"),
        "put": ("put", "log a file or folder as a new version"),
        "link": ("put", "make a version part of a registered model"),
        "unlink": ("edit", "take a version out of a registered model"),
        "edit": ("edit", "change the description, tags and card of what is logged"),
        "drop": ("drop", "take back a version, link or run that is not published"),
        "delete": ("edit", "mark a version as deleted; nothing of it is lost"),
        "undelete": ("edit", "bring back a version that was deleted"),
        "alias": ("alias", "set, remove and list aliases such as 'production'; show their history"),
    },
    "Read": {
        "ls": ("ls", "list collections, or the versions of one"),
        "show": ("show", "show a collection, a version or a run on a page"),
        "diff": ("diff", "show what differs between two versions or two runs"),
        "runs": ("runs", "list runs"),
        "steps": ("steps", "print what a run logged, step by step"),
        "get": ("get", "write a version's files, checked, and print where"),
        "pin": ("pin", "name a published version in your own tree, for 'dvc pull'"),
        "lineage": ("lineage", "draw what a version was made from, and what was made from it"),
    },
    "Promote": {
        "promote": ("promote", "ask for an alias to name a version; merging that moves it"),
        "rollback": ("promote", "ask for an alias to name what it named before"),
        "plan": ("plan", "show which aliases a request would move, and what the policy says"),
        "apply": ("apply", "move aliases to what the default branch says"),
        "ci": ("ci", "write the workflows of a Git host, and speak to it from them"),
    },
    "Share": {
        "push": ("share", "publish what is pending; 'git push' does it too"),
        "fetch": ("share", "bring what others have published"),
        "hook": ("hook", "guard the repository on a server that others push to"),
    },
    "Check": {
        "doctor": ("doctor", "check the set-up, and mend what a killed command has left"),
        "fsck": ("fsck", "check records, histories and bytes, and say what to do"),
    },
}
# what other tools call it
_ELSEWHERE = {
    "history": "alias log",
    "log": "alias log",
    "download": "get",
    "checkout": "get",
    "list": "ls",
    "upload": "put",
    "publish": "push",
    "tag": "edit",
    "describe": "edit",
    "rm": "delete",
    "remove": "delete",
    "restore": "undelete",
}
COMPLETION = "_GITREG_COMPLETE"
"""The variable by which a shell asks what could come next."""
_COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """The commands, imported one by one: `gitreg --help` loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of this name, None when there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"gitreg.cli.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"gitreg.cli.{_COMMANDS[cmd_name][0]}.{cmd_name} is no command")
        _take_global_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's, with the likeliest other name as a hint, and git's `help COMMAND`."""
        if args[:1] == ["help"]:
            args = [*args[1:], "--help"]
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
        name = args[0] if args else ""
        if name not in _COMMANDS and not name.startswith("-"):
            close = [_ELSEWHERE[name]] if name in _ELSEWHERE else None
            close = close or difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"did you mean '{close[0]}'?" if close else "gitreg --help"
            raise UsageError(f"no such command '{name}'", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The commands by task."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, words) for name, (_, words) in commands.items()], col_max=12)


def _set(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Keep a global option; one that is not given after the command says nothing against the one before it."""
    name = parameter.name or ""
    if context.parent is None or context.get_parameter_source(name) is not ParameterSource.DEFAULT:
        setattr(console.settings, name, value)


def _global_options(*, hidden: bool) -> list[click.Option]:
    """The options that every command takes, before its name or after it; the help of a command leaves them out."""
    common: dict[str, Any] = {"expose_value": False, "callback": _set, "hidden": hidden}
    return [
        click.Option(["-q", "--quiet"], is_flag=True, help="Say nothing but data, warnings and errors.", **common),
        click.Option(["-v", "--verbose"], is_flag=True, help="Say also what is done with each file.", **common),
        click.Option(["--trace"], is_flag=True, help="Show each git command with its time.", **common),
        click.Option(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            metavar="WHEN",
            help="auto, always or never. NO_COLOR is obeyed, too.",
            **common,
        ),
        click.Option(
            ["--pager/--no-pager"], default=True, help="Long lists go through git's pager on a terminal.", **common
        ),
    ]


def _take_global_options(command: click.Command) -> None:
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _take_global_options(child)
    elif not any(parameter.name == "quiet" for parameter in command.params):
        command.params += _global_options(hidden=True)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with 'gitreg init'; 'gitreg demo' shows the whole story. 'gitreg COMMAND --help' has examples.",
)
@click.option(
    "-C",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Run as if started in DIR.",
)
@click.version_option(package_name="gitreg", message="gitreg %(version)s")
@click.pass_context
def cli(context: click.Context, directory: Path) -> None:
    """A model registry that lives inside Git.

    Artifacts are DVC-tracked files, a version is a tag, an alias such as 'production' is a movable ref, and lineage is
    the commit graph. No server, no database, no account.

    A version is written NAME:v3, NAME:ALIAS, or NAME for the newest one; NAME:ALIAS@{2026-03-01} is what it was then.
    """
    context.obj["directory"] = directory.absolute()


cli.params += _global_options(hidden=False)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(_run())


def _run() -> int:
    try:
        if COMPLETION in os.environ:
            from gitreg.cli import completion

            return completion.respond()
        result = cli.main(standalone_mode=False, prog_name="gitreg", obj={})
    except Error as error:
        console.fail(error)
        return error.exit_code
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        console.usage(error)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader has gone, as 'gitreg ls | head' does; what else would be printed at exit goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        console.fail(_system_error(error))
        return 1
    except Exception:  # noqa: BLE001 - the last line of defence: it is reported, with its traceback
        return _bug()
    return result if isinstance(result, int) else 0


def _system_error(error: OSError) -> Error:
    """What the system refused: no place left, no permission, no such folder."""
    words = (error.strerror or str(error) or type(error).__name__).lower()
    where = f"'{os.fsdecode(error.filename)}': " if error.filename else ""
    return Error(f"{where}{words}", hint=advice(error))


def _bug() -> int:
    """A bug in gitreg: the traceback goes into a file, its path to the user."""
    with tempfile.NamedTemporaryFile("w", prefix="gitreg-", suffix=".txt", delete=False, encoding="utf-8") as report:
        report.write(f"gitreg {' '.join(sys.argv[1:])!r}\n\n")
        traceback.print_exc(file=report)
    last = traceback.format_exc().strip().rpartition("\n")[2]
    console.fail(Error(f"this is a bug in gitreg: {last}", hint=f"please report it with {report.name}"))
    return 70
