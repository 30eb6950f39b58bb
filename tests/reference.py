"""Writes the reference of commands, the manual page and the reference of the Python API from the code.

    python tests/reference.py

The files are kept in the repository, because an installation makes none; test_reference.py says when one is stale.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import gitreg
import pages
from gitreg.cli.main import SECTIONS, cli
from gitreg.sdk.api import ArtifactType
from gitreg.sdk.collection import ArtifactCollection
from gitreg.sdk.files import ArtifactFile
from gitreg.sdk.media.base import Media
from gitreg.sdk.metrics import Metric
from gitreg.sdk.registries import ModelRegistry
from gitreg.sdk.views import RunView

DOCS = Path(gitreg.__file__).parent / "docs"
README = Path(__file__).resolve().parent.parent / "README.md"

EXIT_CODES = {
    0: "done",
    1: "failed",
    2: "the command line makes no sense",
    3: "differences or findings: what was asked about is not as it should be",
    4: "refused, because it would break a promise or needs something first",
    5: "somebody else was faster; trying again is safe",
    6: "not found",
    70: "a bug in gitreg; the error names a file with the traceback",
    130: "interrupted",
}
CONFIGURATION = {
    "gitreg.remote": "The Git remote that is the registry. Default: 'origin'.",
    "gitreg.publish": (
        "What 'git push' does with what is pending. 'hook' (the default) publishes it and fails when that fails; 'warn'"
        " publishes it and lets the push go on when that fails; 'manual' leaves it to 'gitreg push'."
    ),
    "gitreg.code": (
        "What of the code is recorded with a run: 'snapshot' (the default) takes uncommitted changes and new source"
        " files too, 'head' takes the last commit alone."
    ),
}
ENVIRONMENT = {
    "GITREG_DIR": "Where gitreg.init() looks for the repository. Default: the current directory.",
    "GITREG_BUNDLE": (
        "The file that runs go into instead of the repository, for 'gitreg run import'; '{id}' in it is the run's id."
    ),
    "GITREG_RUN_ID": (
        "The run that a process belongs to; 'gitreg run' sets it for its command. When no such run goes on, it is the"
        " id of the run that gitreg.init() starts."
    ),
    "GITREG_NAME, GITREG_NOTES, GITREG_TAGS, GITREG_PROJECT, GITREG_ENTITY, GITREG_RUN_GROUP, GITREG_JOB_TYPE": (
        "What gitreg.init() takes where its argument of that name is not given; tags are separated by commas."
    ),
    "GITREG_MODE": (
        "What gitreg.init() takes where it has no 'mode'. 'disabled': the run is in memory and writes nothing."
        " 'shared': processes with the same id are one run. 'online' and 'offline' are alike, but for 'offline' where"
        " there is no repository: the run goes into a file."
    ),
    "GITREG_RESUME": "What gitreg.init() takes where it has no 'resume': allow, must, never or auto.",
    "GITREG_RANKS": (
        "'first' (the default): of several distributed processes only the first records. 'all': each does."
    ),
    "GITREG_SILENT": "'true': gitreg.init() and what follows say nothing but errors.",
    "GITREG_LOG_MODEL": "What the callback for transformers logs: 'end', 'checkpoint', or 'false', the default.",
    "GITHUB_TOKEN, GH_TOKEN, GITLAB_TOKEN, FORGEJO_TOKEN, GITEA_TOKEN": (
        "What 'gitreg ci comment' and 'gitreg ci approvals' speak to the host with; the first that is set."
    ),
    "GITHUB_ACTIONS, GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_REF, GITHUB_STEP_SUMMARY": (
        "Which repository and request a job of GitHub, Gitea or Forgejo is about; its runner sets them."
    ),
    "GITLAB_CI, CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID, CI_MERGE_REQUEST_PROJECT_ID": (
        "The same for a job of GitLab."
    ),
    "NO_COLOR": "No colours, as '--color never'.",
    "GIT_PAGER, PAGER, LESS": "The pager of long lists on a terminal, as git chooses it.",
    "CI": "No progress bars.",
}
FILES = {
    "refs/tags/COLLECTION@vN": "Published versions: annotated tags.",
    "refs/gitreg/": "What this clone has made and not published: drafts of versions, runs, moves of aliases.",
    "refs/gitreg-remotes/REMOTE/": "What the registry remote has under refs/gitreg/, as of the last fetch or push.",
    ".dvc/config": "The storage, as DVC has it.",
    ".git/gitreg/": (
        "Journals and media of runs that go on, bytes that are not published yet, and an index that can be deleted."
    ),
}


@dataclass(frozen=True, slots=True)
class Command:
    """What the code says of one command.

    Attributes:
        name: as it is typed, `alias set`.
        words: paragraphs.
        options: how each is written, and what it does.
        examples: lines to copy.
        after: what else is said at the end, lines that are shown as they are.
    """

    name: str
    usage: str
    words: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    examples: tuple[str, ...]
    after: tuple[str, ...]


def described(command: click.Command, name: str) -> Command:
    """What the code says of a command."""
    context = click.Context(command, info_name=name)
    usage = " ".join(["gitreg", *name.split(), *command.collect_usage_pieces(context)])
    words = [" ".join(part.split()) for part in inspect.cleandoc(command.help or "").split("\n\n")]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context))]
    after, _, examples = (command.epilog or "").replace("\b\n", "").partition("Examples:\n")
    return Command(
        name,
        usage,
        tuple(words),
        tuple((written, " ".join(text.split())) for written, text in records),
        tuple(line.strip() for line in examples.splitlines() if line.strip()),
        tuple(line for line in after.splitlines() if line.strip()),
    )


def below(command: click.Command, name: str) -> Iterator[Command]:
    """A command, and those below it."""
    yield described(command, name)
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            if not command.commands[child].hidden:
                yield from below(command.commands[child], f"{name} {child}")
    elif name == "run":
        # no child, because what follows 'run' may be any command's name
        for child in ("import", "recover"):
            yield described(command.make_context("run", [child], resilient_parsing=True).command, f"run {child}")


def by_task() -> dict[str, list[Command]]:
    """All commands under the headings of `gitreg --help`."""
    context = click.Context(cli)
    found: dict[str, list[Command]] = {}
    for title, names in SECTIONS.items():
        found[title] = []
        for name in names:
            command = cli.get_command(context, name)
            assert command is not None
            found[title] += below(command, name)
    return found


# ---- Markdown


def _code(text: str) -> str:
    """Words in single quotes as code, and nothing else of Markdown's."""
    pieces = re.split(r"(?<!\w)'([^']+)'(?!\w)", text)
    return "".join(
        f"`{piece}`" if number % 2 else re.sub(r"([*<])", r"\\\1", piece) for number, piece in enumerate(pieces)
    )


def _bullets(entries: Iterable[tuple[str, str]]) -> list[str]:
    return [f"- `{written}`: {_code(text)}" for written, text in entries if not written.startswith("-h,")]


def markdown() -> str:
    """The reference of commands as a page."""
    whole = described(cli, "")
    lines = [
        "# Reference of commands",
        "",
        "Written from the code. `gitreg COMMAND --help` and `man gitreg` say the same.",
        "",
        *(f"- {title}: {', '.join(_link(command) for command in commands)}" for title, commands in by_task().items()),
        "",
        "## Every command",
        "",
        "These may stand before the command's name or after it; `-C` and `--version` before it only.",
        "",
        *_bullets(whole.options),
        "",
    ]
    for title, commands in by_task().items():
        lines += [f"## {title}", ""]
        for command in commands:
            lines += [f"### gitreg {command.name}", "", "```text", command.usage, "```", ""]
            for paragraph in command.words:
                lines += [_code(paragraph), ""]
            options = _bullets(command.options)
            lines += [*options, ""] if options else []
            if command.examples:
                lines += ["```sh", *command.examples, "```", ""]
            if command.after:
                lines += ["```text", *command.after, "```", ""]
    words = "Each document names its JSON Schema as 'schema'; a document of another form will have another number."
    lines += ["## JSON documents", "", _code(words), "", *_schemas(), ""]
    for title, words, entries in _tables():
        lines += [f"## {title}", "", *([words, ""] if words else []), *_bullets(entries), ""]
    return "\n".join(lines).rstrip() + "\n"


def _link(command: Command) -> str:
    return f"[{command.name}](#gitreg-{command.name.replace(' ', '-')})"


def _schemas() -> list[str]:
    """Each kind of JSON document, with a link to its schema."""
    lines = []
    for path in sorted((DOCS.parent / "schemas").glob("*.json")):
        schema = json.loads(path.read_bytes())
        lines.append(f"- [{schema['title']}](../schemas/{path.name}): {_code(schema.get('description', ''))}")
    return lines


def _tables() -> list[tuple[str, str, list[tuple[str, str]]]]:
    return [
        ("Exit codes", "", [(str(code), text) for code, text in EXIT_CODES.items()]),
        ("Configuration", "Settings of Git's, made with 'git config'.", list(CONFIGURATION.items())),
        ("Environment", "", list(ENVIRONMENT.items())),
        ("Files and refs", "", list(FILES.items())),
    ]


# ---- the manual page


def _verbatim(text: str) -> str:
    """A line for man as it is: nothing in it is a request, and what is copied from the page is what is meant."""
    escaped = text.replace("\\", "\\e")
    for character, name in (("-", "\\-"), ("`", "\\(ga"), ("^", "\\(ha"), ("~", "\\(ti"), ("'", "\\(aq")):
        escaped = escaped.replace(character, name)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _roff(text: str) -> str:
    """The same for prose: words in single quotes are bold."""
    pieces = re.split(r"(?<!\w)'([^']+)'(?!\w)", text)
    shown = (f"\\fB{_verbatim(piece)}\\fR" if number % 2 else _verbatim(piece) for number, piece in enumerate(pieces))
    return "".join(shown)


def _prose(text: str) -> list[str]:
    """A paragraph for man, in lines of at most 80 characters; none of them begins with what would make it a request."""
    lines = textwrap.wrap(_roff(text), 78, break_long_words=False, break_on_hyphens=False)
    return [f"\\&{line}" if line.startswith((".", "'")) else line for line in lines]


def _entry(written: str, text: str) -> list[str]:
    return [".TP", f"\\fB{_roff(written)}\\fR", *_prose(text)]


def manual() -> str:
    """The manual page, for `man gitreg` and `git gitreg --help`."""
    whole = described(cli, "")
    lines = [
        '.\\" Written by tests/reference.py from the code.',
        f'.TH GITREG 1 "" "gitreg {gitreg.__version__}" "User Commands"',
        ".ad l",
        ".SH NAME",
        "gitreg, git\\-gitreg \\- a model registry that lives inside Git",
        ".SH SYNOPSIS",
        "\\fBgitreg\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]...",
        ".br",
        "\\fBgit gitreg\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]...",
        ".SH DESCRIPTION",
    ]
    for number, paragraph in enumerate(whole.words):
        lines += [".PP"] * bool(number) + _prose(paragraph)
    lines += [
        ".SH OPTIONS",
        *_prose("These may stand before the command's name or after it; '-C' and '--version' before it only."),
    ]
    for entry in whole.options:
        lines += _entry(*entry)
    lines += [".SH EXAMPLES", *_prose("A minute with gitreg, in any repository with a remote:"), ".PP", ".RS 4", ".nf"]
    session = [block.text for block in pages.blocks(README.read_text(encoding="utf-8")) if block.language == "sh"]
    for block in session[1:5]:  # the first is about this checkout, the last another clone's
        lines += [*map(_verbatim, block.splitlines()), ".sp"]
    lines[-1:] = [".fi", ".RE"]
    for title, commands in by_task().items():
        lines.append(f".SH COMMANDS: {title.upper()}")
        for command in commands:
            lines += [f".SS {_roff(command.usage)}"]
            for number, paragraph in enumerate(command.words):
                lines += [".PP"] * bool(number) + _prose(paragraph)
            for entry in command.options:
                if not entry[0].startswith("-h"):
                    lines += _entry(*entry)
            if command.examples:
                lines += [".PP", "Examples:", ".PP", ".RS 4", ".nf"]
                lines += [_verbatim(line) for line in command.examples] + [".fi", ".RE"]
            if command.after:
                lines += [".PP", ".nf", *map(_verbatim, command.after), ".fi"]
    for title, words, entries in _tables():
        lines += [f".SH {title.upper().replace('EXIT CODES', 'EXIT STATUS')}"]
        lines += _prose(words)
        for entry in entries:
            lines += _entry(*entry)
    lines += [".SH SEE ALSO", "\\fBgit\\fR(1), \\fBgit\\-tag\\fR(1), \\fBgitrevisions\\fR(7)"]
    return "\n".join(lines) + "\n"


# ---- the Python API


def _signature(function: Callable[..., Any]) -> str:
    """The signature as it stands in the source, without `self`."""
    parts: list[str] = []
    star = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        stars = "*" * (parameter.kind is parameter.VAR_POSITIONAL) + "**" * (parameter.kind is parameter.VAR_KEYWORD)
        name = stars + parameter.name
        kind = f": {parameter.annotation}" if parameter.annotation is not parameter.empty else ""
        # the address that a function's repr has differs from process to process
        shown = getattr(parameter.default, "__name__", repr(parameter.default))
        default = "" if parameter.default is parameter.empty else f" = {shown}"
        parts.append(f"{name}{kind}{default}")
    result = inspect.signature(function).return_annotation
    arrow = "" if result in (inspect.Signature.empty, "None", None) else f" -> {result}"
    short = f"({', '.join(parts)}){arrow}"
    return short if len(short) <= 80 else "".join(["(\n", *(f"    {part},\n" for part in parts), f"){arrow}"])


def _docstring(thing: object) -> list[str]:
    """A docstring as Markdown: lists of attributes and arguments become bullets."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc(getattr(thing, "__doc__", None) or "").split("\n\n"):
        head, _, rest = paragraph.partition("\n")
        if re.fullmatch(r"[A-Z]\w+:", head) and rest.startswith("    "):
            lines += [f"{head}", ""]
            for line in inspect.cleandoc(rest).splitlines():
                name, colon, words = line.partition(": ")
                if line.startswith(" ") or not colon:
                    lines[-1] += f" {line.strip()}"
                else:
                    lines.append(f"- `{name}`: {words}")
            lines.append("")
        else:
            lines += [" ".join(paragraph.split()), ""]
    return lines


def _members(kind: type) -> Iterator[tuple[str, str, list[str]]]:
    """Name, signature and words of what a class offers, its bases first, in the order of the source."""
    members = {name: member for base in reversed(kind.__mro__[:-1]) for name, member in vars(base).items()}
    for name, member in members.items():
        if name.startswith("_") or not getattr(member, "__doc__", None):
            continue
        if isinstance(member, property):
            result = inspect.signature(member.fget).return_annotation if member.fget else ""
            yield name, f": {result}", _docstring(member)
        elif inspect.isfunction(member):
            yield name, _signature(member), _docstring(member)


def python() -> str:
    """The reference of the Python API as a page."""
    lines = ["# Reference of the Python API", "", "Written from the code. The words are those of W&B's SDK.", ""]
    functions = [name for name in gitreg.__all__ if inspect.isfunction(getattr(gitreg, name))]
    functions.sort(key=lambda name: (name != "init", name != "finish", name))
    lines += ["## Functions", ""]
    for name in functions:
        function = getattr(gitreg, name)
        lines += [
            f"### gitreg.{name}",
            "",
            "```text",
            f"{name}{_signature(function)}",
            "```",
            "",
            *_docstring(function),
        ]
    lines += [
        "`gitreg.run`, `gitreg.config` and `gitreg.summary` are the active run, its config and its summary;",
        "`gitreg.AlertLevel` has `INFO`, `WARN` and `ERROR`, `gitreg.util.generate_id()` makes an id for a run,",
        "`gitreg.errors` has all errors, and `gitreg.integration` [the frameworks](frameworks.md).",
        "`gitreg.__version__` is gitreg's own version.",
        "",
    ]
    media = [
        kind for kind in map(gitreg.__getattr__, gitreg.__all__) if inspect.isclass(kind) and issubclass(kind, Media)
    ]
    others = (
        gitreg.Settings,
        gitreg.Api,
        RunView,
        ArtifactCollection,
        ArtifactFile,
        ArtifactType,
        ModelRegistry,
        Metric,
    )
    for kind in (gitreg.Run, gitreg.Artifact, gitreg.Table, *media, *others):
        shown = f"gitreg.{kind.__name__}" if kind.__name__ in gitreg.__all__ else kind.__name__
        lines += [f"## {shown}", "", *_docstring(kind)]
        made: Any = vars(kind).get("__init__")
        if shown != kind.__name__ and made and made.__doc__:
            lines += ["```python", f"{kind.__name__}{_signature(made)}", "```", "", *_docstring(made)]
        for name, signature, words in _members(kind):
            lines += [f"### {kind.__name__}.{name}", "", "```python", f"{name}{signature}", "```", "", *words]
    errors = [name for name in gitreg.__all__ if name.endswith("Error")]
    lines += ["## Errors", ""]
    for name in errors:
        kind = getattr(importlib.import_module("gitreg.errors"), name)
        lines.append(f"- `gitreg.{name}`: {_docstring(kind)[0]}")
    return "\n".join(lines).rstrip() + "\n"


def generated() -> dict[Path, str]:
    """Every file that is written from the code, with its text."""
    return {
        DOCS / "reference.md": markdown(),
        DOCS / "python.md": python(),
        DOCS / "man" / "gitreg.1": manual(),
        DOCS / "man" / "git-gitreg.1": ".so man1/gitreg.1\n",
    }


def write() -> None:
    """Bring all of them up to date."""
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
