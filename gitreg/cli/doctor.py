"""`gitreg doctor`: whether this clone is set up as it should be, and what has been left lying around."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import click

from gitreg.cli import console, context, human
from gitreg.cli.setup import own_command
from gitreg.health import doctor as health_doctor
from gitreg.health.diagnosis import Diagnosis, ok

_TODO = f"{'':<8} -> "


@click.command("doctor", epilog=context.examples("gitreg doctor", "gitreg doctor --fix", "gitreg doctor --remote"))
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.option("--remote", is_flag=True, help="Try to write to the registry remote and to the storage, too.")
@context.json_option
def doctor(*, fix: bool, remote: bool, as_json: bool) -> int:
    """Check how this clone is set up and what was left lying around, and say what to do about it.

    --fix installs the hook and the fetch refspec, removes stale locks and temporary files of commands that were killed,
    records runs that were killed, and makes a damaged index anew. It asks no network and touches no version. --remote
    makes a throwaway ref on the registry remote and a throwaway object on the storage and takes them away again: better
    found out before a long training than after it. Whether what is logged is whole is checked by 'gitreg fsck'.

    Ends with 1 when something stops work, and with 0 otherwise, also with warnings.
    """
    found = []
    with context.opened() as registry:
        checks = [health_doctor.examine(registry, command=own_command()), _programs()]
        if remote:
            checks.append(health_doctor.tried_out(registry))
        for check in checks:
            for item in check:
                shown = health_doctor.mended(item) if fix else item
                found.append(shown)
                if not as_json:
                    _tell(shown)
    if as_json:
        console.document("doctor", {"checks": [_line(item) for item in found]})
    else:
        _summary(found)
    return 1 if any(item.level == "problem" for item in found) else 0


def _programs() -> Iterator[Diagnosis]:
    if shutil.which("rsvg-convert"):
        yield ok("pictures", "'rsvg-convert' is there, so lineage can be drawn as PNG and PDF too")
    else:
        yield ok("pictures", "lineage can be drawn as SVG; PNG and PDF need librsvg2-bin (brew: librsvg)")


def _tell(item: Diagnosis) -> None:
    console.out(f"{item.level:<8} {item.check}: {item.words}")
    if item.todo:
        console.out(_TODO + item.todo)


def _line(item: Diagnosis) -> dict[str, object]:
    return {
        "check": item.check,
        "level": item.level,
        "words": item.words,
        "todo": item.todo,
        "can_be_fixed": item.mend is not None,
    }


def _summary(found: list[Diagnosis]) -> None:
    counts = {level: sum(item.level == level for item in found) for level in ("problem", "warning", "fixed")}
    words = [human.plural(count, level) for level, count in counts.items() if count and level != "fixed"]
    if counts["fixed"]:
        words.append(f"{counts['fixed']} fixed")
    mendable = sum(item.mend is not None for item in found)
    console.say(", ".join(words) or "all is well")
    if mendable:
        console.say(f"'gitreg doctor --fix' mends {mendable} of them")
