"""Plans to be shown as comments, made by hand: a usual one, and what a stranger would write."""

from __future__ import annotations

from dataclasses import replace

from gitreg.errors import SettingsError
from gitreg.git.difference import Stat
from gitreg.lineage.graph import Edge, Graph, Link, Node
from gitreg.lineage.moves import with_move
from gitreg.promotion.request import Measured, Metric, Move, Plan, Problem, Verdict
from gitreg.promotion.wanted import Entry, path_of
from gitreg.records.listing import FileEntry
from gitreg.records.names import AliasName, CollectionName, RunId, VersionName, VersionNumber
from gitreg.records.objects import Oid
from gitreg.records.records import Code, Place
from gitreg.registry.compare import Content, Input, Subject, compare
from gitreg.registry.measures import Direction

HOSTILE = (
    "</code></details><script>alert(1)</script>",
    "| a | b |\n| - | - |",
    "`x` ``y`` ```mermaid",
    "@everyone #1 !2 ~bug www.evil.example https://evil.example/x",
    "![x](https://evil.example/x.png) [x](javascript:alert(1))",
    "\n\n/merge\n\n# heading\n\n<!-- gitreg:plan -->",
    "a\\| b \\` c\\",
    "\u202edesrever\u2066 \u200b\ufeff\x1b[31m\x00",
    "<img src=x onerror=alert(1)> &lt;b&gt; &#64;all",
    "z" + "\u0301" * 40 + " $x^2$ :tada: ~~x~~ **x** _x_",
)


RUN, ADA = "vague-morning-5", "Ada <ada@example.org>"


def oid(number: int) -> Oid:
    return Oid.parse(f"{number:010x}" * 4)


def version(name: str, number: int) -> VersionName:
    return VersionName(CollectionName.parse(name), VersionNumber(number))


def place(name: str, number: int) -> Place:
    return Place(version(name, number), oid(number + 100))


def measured(value: float, *, name: str = RUN, who: str = ADA, on: int = 4) -> Measured:
    used = (version("eval_set", on),)
    return Measured(value, RunId("3kf9a1xq"), name, "evaluate", oid(7), who, "2026-01-02T03:04:05Z", used, own=False)


def metric(
    name: str, old: float | None, new: float | None, direction: Direction | None, *, comparable: bool = True
) -> Metric:
    before, after = (None if value is None else measured(value) for value in (old, new))
    return Metric(name, before, after, direction, comparable)


def move(reference: str, old: int | None, new: int | None, *, reason: str = "", line: int = 1) -> Move:
    name, _, alias = reference.rpartition(":")
    collection = CollectionName.parse(name)
    wanted = AliasName(collection, alias)
    entry = Entry(wanted, version(name, new) if new is not None else None, reason=reason, line=line)
    sides = [None if number is None else place(name, number) for number in (old, new)]
    return Move(wanted, sides[0], sides[1], oid(5), path_of(collection), entry, protected=True)


def subject(name: str, commit: int, words: str, lr: float, files: int) -> Subject:
    paths = ("same.bin", words, "weights.bin")[:files]
    entries = [FileEntry(path, 10, f"{commit}" * 32, f"{commit}" * 64) for path in paths]
    return Subject(
        name,
        oid(commit),
        "3kf9a1xq",
        {"type": "model", "description": words},
        {"optimizer": {"lr": lr, "name": words}, words: 1},
        {"loss": lr, "verdict": words},
        Code(oid(commit + 50), snapshot=False),
        inputs=[Input(version("digits", commit), oid(commit + 70), 1200)],
        content=Content(f"{commit}" * 64, files, 10 * files, entries),
    )


def passing() -> Plan:
    """One alias moves, and its gates let it."""
    old, new = subject("model/MNIST:v2", 2, "first", 0.1, 2), subject("model/MNIST:v3", 3, "first", 0.05, 3)
    found = replace(
        move("model/MNIST:production", 2, 3, reason="better loss on the March set", line=4),
        metrics=(
            metric("loss", 0.1201, 0.1123, "lower"),
            metric("accuracy", 0.971, 0.969, "higher"),
            metric("f1", 0.9, 0.9, "higher", comparable=False),
            metric("latency_ms", None, 12, None),
        ),
        verdicts=(
            Verdict("accuracy >= 0.95", "passed", "0.969", "accuracy", measured(0.969), None, (measured(0.99, on=3),)),
            Verdict("loss: no_regression", "passed", "0.1123 is no worse than 0.1201", "loss", measured(0.1123)),
            Verdict("evaluated on eval_set", "passed", "by vague-morning-5"),
        ),
        comparison=compare(old, new, stat=Stat(2, 10, 3)),
    )
    return Plan(oid(1), oid(2), (found,))


def mixed() -> Plan:
    """Some move, some are refused, one is removed, one file cannot be read."""
    rollback = replace(
        move("model/MNIST:staging", 3, 2, reason="v3 is too slow"),
        verdicts=(Verdict("loss: no_regression", "waived", "staging has named v2 before: this is a rollback", "loss"),),
    )
    refused = replace(
        passing().moves[0],
        verdicts=(
            Verdict("accuracy >= 0.97", "refused", "0.969 in vague-morning-5, on eval_set:v4", "accuracy"),
            Verdict("latency_ms <= 30", "refused", "no run that counts says", "latency_ms"),
        ),
    )
    stale = replace(
        move("ranker:production", 7, 8),
        problems=(
            Problem(
                "'ranker:production' has moved since the request was written", "gitreg promote ranker:production v8"
            ),
        ),
    )
    missing = replace(move("ranker:canary", None, 99), new=None, problems=(Problem("there is no 'ranker:v99'"),))
    removed = replace(move("ranker:old", 1, None), entry=None)
    broken = SettingsError(".gitreg/aliases/speech.yaml", 3, "'v3x' is no version", hint="write v3")
    return Plan(oid(1), None, (refused, rollback, stale, missing, removed), (move("a:b", 1, 2),), (broken,))


def nothing() -> Plan:
    """Nothing is asked for, and a reviewer has nothing to know."""
    return Plan(oid(1), oid(2))


def hostile(count: int = len(HOSTILE)) -> Plan:
    """A stranger's words in every place that takes a text."""
    moves = []
    for number, words in enumerate(HOSTILE[:count]):
        old, new = subject("m:v0", 2, HOSTILE[number - 1], 0.1, 3), subject(f"{words}:v1", 3, words, 0.2, 3)
        by = measured(0.5, name=words, who=f"{words} <x@example.org>")
        moves.append(
            replace(
                move(f"m{number}:production", 0, 1, reason=words),
                path=words,
                metrics=(Metric(words, by, by, "higher", comparable=True),),
                verdicts=(
                    Verdict(words, "refused", words, words, by, by, (by,) * 5),
                    Verdict(words, "passed", words, words, by),
                ),
                problems=(Problem(words, words),) if number % 2 else (),
                comparison=compare(old, new),
            )
        )
    broken = tuple(SettingsError(words, 1, words, hint=words) for words in HOSTILE)
    return Plan(oid(1), oid(2), tuple(moves), tuple(moves), broken, HOSTILE)


def many(count: int, words: str = "") -> Plan:
    """So many moves of collections with the longest names; every tenth is refused."""
    moves = []
    for number in range(count):
        name = f"{'s' * 128}/{'n' * 120}{number:08d}"
        found = replace(
            passing().moves[0],
            alias=AliasName(CollectionName.parse(name), "a" * 64),
            old=place(name, 2),
            new=place(name, 3),
            entry=replace(move(f"{name}:{'a' * 64}", 2, 3).entry, reason=words * 900),  # type: ignore[type-var]
        )
        if number % 10 == 9:
            bad = Verdict("accuracy >= 0.97", "refused", f"0.5 in {words * 400}", "accuracy")
            found = replace(found, verdicts=(bad,) * 5, problems=(Problem(words * 400, words * 400),))
        moves.append(found)
    return Plan(oid(1), oid(2), tuple(moves), tuple(moves), notes=(words * 500,) * 20)


def lineage(words: str = "") -> Graph:
    """What comes with `passing`."""
    nodes = [
        Node("d", "artifact", "digits:v1", "dataset"),
        Node("r2", "run", words or "vague-morning-4", "train", state="finished"),
        Node("r3", "run", words or "vague-morning-5", "train", state="finished"),
        Node("v2", "artifact", words or "mnist:v2", "model", links=(Link("model/MNIST:v2", ("production",)),)),
        Node("v3", "artifact", words or "mnist:v3", "model", links=(Link("model/MNIST:v3"),), focus=True),
    ]
    edges = [
        Edge("d", "r2", "used"),
        Edge("d", "r3", "used"),
        Edge("r2", "v2", "logged"),
        Edge("r3", "v3", "logged"),
    ]
    return with_move(Graph.of(nodes, edges, "Lineage of model/MNIST:v3"), "model/MNIST", "production", "v3")
