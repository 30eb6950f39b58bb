"""TAB, by the real shells.

What the commands take is kept in `gitreg/cli/shells/commands.json`; after a change that is meant:
UPDATE_SNAPSHOTS=1 pytest tests/cli/test_completion.py
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import click

from gitreg.cli import completion
from gitreg.cli.main import SECTIONS, cli

TABLE = Path(completion.__file__).parent / "shells" / "commands.json"
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))
WORDS = {name: words for section in SECTIONS.values() for name, (_, words) in section.items()}


def described(command: click.Command, words: str = "") -> dict[str, Any]:
    """What the table says of a command and of those below it."""
    context = click.Context(command)
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    entry: dict[str, Any] = {
        "help": words or command.get_short_help_str(100),
        "params": [parameter_of(parameter, context) for parameter in shown],
    }
    if not command.context_settings.get("allow_interspersed_args", True):
        entry["greedy"] = True
    if isinstance(command, click.Group):
        children = {name: command.get_command(context, name) for name in command.list_commands(context)}
        entry["commands"] = {
            name: described(child, WORDS.get(name, "") if command is cli else "")
            for name, child in children.items()
            if child and not child.hidden
        }
    return entry


def parameter_of(parameter: click.Parameter, context: click.Context) -> dict[str, Any]:
    item: dict[str, Any] = {"name": parameter.name, "metavar": parameter.make_metavar(context)}
    kind = parameter.type
    if isinstance(kind, click.Choice):
        item = {"name": parameter.name, "choices": list(kind.choices)}
    elif isinstance(kind, click.Path):
        item["path"] = "file" if kind.file_okay else "dir"
    elif kind is click.UNPROCESSED:
        item["path"] = "file"
    if parameter.nargs != 1:
        item["nargs"] = parameter.nargs
    if isinstance(parameter, click.Option):
        opts = [*parameter.opts, *parameter.secondary_opts]
        if parameter.is_flag:
            item = {"name": parameter.name, "flag": True}
            if parameter.secondary_opts:
                opts = ["/".join(opts)]
        item |= {"opts": opts, "help": parameter.help}
        if parameter.multiple:
            item["multiple"] = True
        if context.command is cli and parameter.callback is not None and not parameter.expose_value:
            item |= {} if parameter.name == "version" else {"common": True}
    return item


def test_the_table_is_what_the_commands_are() -> None:
    # a line for each command and each parameter
    text = re.sub(r'(?<=.)(?=\{"(?:help|name)")', "\n", json.dumps(described(cli), ensure_ascii=False)) + "\n"
    if UPDATE:
        TABLE.write_text(text)
    assert TABLE.read_text() == text
