"""What is known of each node, as HTML that needs no script: a table of all of them, and an article about each.

Everything that comes from a repository passes `plain` or `text`: visible, escaped, and kept from turning the text
around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from gitreg.lineage.cards import chip_tone
from gitreg.lineage.graph import Edge, Graph, Link, Node
from gitreg.lineage.theme import tone_of
from gitreg.records.plain import visible
from gitreg.records.when import moment

_PLAIN = re.compile(r"[A-Za-z0-9_.:/-]+\Z")
_VERSION = re.compile(r"[^:]+:v[0-9]+\Z")
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_ROWS = 200
_LONGEST = 600
_TABLES = {"summary": "Summary", "config": "Config", "metadata": "Metadata"}
_KINDS = {"run": "run", "artifact": "version", "collapsed": "group", "unknown": "unknown"}
# what a node is to the other end of an edge: (of the edges that come in, of those that go out)
_ROLES = {"used": ("Inputs", "Used by"), "logged": ("Logged by", "Outputs"), "derived": ("Made from", "Used to make")}


def anchors(nodes: Iterable[Node]) -> dict[str, str]:
    """A name in the page for each node's id: 'mnist_model:v3' and 'run:3kf9a1xq' where that is possible, else 'n12'."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for number, node in enumerate(nodes):
        name = node.label if node.kind == "artifact" and _VERSION.match(node.label) else node.id
        if not (_PLAIN.match(name) and ":" in name) or name in taken or len(name) > 300:
            name = f"n{number}"
        taken.add(name)
        found[node.id] = name
    return found


class Entries:
    """The table and the articles of a graph.

    `places` says for each node's id which box of the picture shows it.
    """

    def __init__(self, graph: Graph, names: Mapping[str, str], places: Mapping[str, int]) -> None:
        self._nodes = {node.id: node for node in graph.nodes}
        self._names = names
        self._places = places
        self._sources, self._targets = graph.sources(), graph.targets()
        self._made_at = {node.id: moment(str(node.facts.get("created", ""))) for node in graph.nodes}

    def table(self) -> Iterator[str]:
        """Every node in a row, the newest first; those without a date come last."""
        yield (
            '<table class="all"><thead><tr><th scope="col">Name<th scope="col">Type<th scope="col">State'
            '<th scope="col">Aliases<th scope="col">Created<th scope="col">By</tr></thead><tbody>'
        )
        shown = [node for node in self._nodes.values() if node.kind != "collapsed"]
        for node in sorted(shown, key=self._age):
            words = [*(_chip(alias) for alias in node.aliases), *(_registered(link) for link in node.links)]
            cells = (
                text(node.type) + f'<span class="said"> {_KINDS[node.kind]}</span>',
                _state(node),
                " ".join(words),
                when(str(node.facts.get("created", ""))),
                plain(str(node.facts.get("by", ""))),
            )
            yield f'<tr><th scope="row">{self._link(node)}' + "".join(f"<td>{cell}" for cell in cells)
        yield "</tbody></table>"

    def articles(self) -> Iterator[str]:
        """About each node: what it is, the line to copy, its facts, its neighbours."""
        for node in self._nodes.values():
            yield self._article(node)

    def _age(self, node: Node) -> float:
        made = self._made_at[node.id]
        return -made.timestamp() if made else float("inf")

    def _article(self, node: Node) -> str:
        name = plain(self._names[node.id])
        kind = f'{_icon(node)}{text(node.type)}<span class="{"said" if node.type else ""}"> {_KINDS[node.kind]}</span>'
        parts = [
            f'<article id="{name}" data-at="{self._places[node.id]}" class="tone-{tone_of(node)}">',
            f'<header><p class="kind">{kind}</p><h2 tabindex="-1">{plain(node.label)}</h2>',
        ]
        chips = [_state(node), *(_chip(alias) for alias in node.aliases)]
        if any(chips):
            parts.append('<p class="chips">' + " ".join(chip for chip in chips if chip) + "</p>")
        parts.append("</header>")
        parts += [f'<p class="words">{plain(word)}</p>' for word in _words(node)]
        parts.append(self._copy(node))
        parts.append(_facts(node))
        for title, group in self._neighbours(node):
            items = "".join(f"<li>{self._link(other)}{_aside(other)}" for other in group)
            parts.append(f'<section><h3>{title} <span class="count">{len(group)}</span></h3><ul>{items}</ul></section>')
        for key, title in _TABLES.items():
            values = node.facts.get(key)
            if isinstance(values, Mapping):
                parts.append(f"<section><h3>{title}</h3>{_values(values)}</section>")
        parts.append(f'<p class="back"><a href="#at-{self._places[node.id]}">Show in the picture</a></p></article>')
        return "".join(parts)

    def _neighbours(self, node: Node) -> Iterator[tuple[str, list[Node]]]:
        """Titled lists of other nodes: what came before, then what came after. Only a group names groups."""
        ends = [(_ROLES[edge.kind][0], self._nodes[edge.source]) for edge in self._sources[node.id]]
        ends += [(_ROLES[edge.kind][1], self._nodes[edge.target]) for edge in self._targets[node.id]]
        found: dict[str, list[Node]] = {}
        for role, other in ends:
            if node.kind == "collapsed" or other.kind != "collapsed":
                found.setdefault(role, []).append(other)
        yield from found.items()
        members = [self._nodes[id] for id in node.members if id in self._nodes]
        if members:
            yield "In this group", members

    def _link(self, node: Node) -> str:
        return f'<a href="#{plain(self._names[node.id])}">{_icon(node)}{text(node.label or "?")}</a>'

    def _copy(self, node: Node) -> str:
        """The command that brings or shows what the node is about."""
        line = ""
        if node.kind == "artifact" and _VERSION.match(node.label) and _PLAIN.match(node.label):
            line = f"gitreg get {node.label}"
        elif node.kind == "run" and _PLAIN.match(str(node.facts.get("id", ""))):
            line = f"gitreg show {node.facts['id']}"
        if not line:
            return ""
        return f'<p class="copy"><code>{line}</code><button type="button" class="scripted">Copy</button></p>'


def joined(graph: Graph, drawn: Graph) -> Graph:
    """The graph with the collapsed nodes of its picture, and their edges, added to it."""
    groups = {node.id for node in drawn.nodes} - {node.id for node in graph.nodes}
    return Graph(
        (*graph.nodes, *(node for node in drawn.nodes if node.id in groups)),
        (*graph.edges, *(edge for edge in drawn.edges if _touches(edge, groups))),
        graph.title,
    )


def _touches(edge: Edge, ids: set[str]) -> bool:
    return edge.source in ids or edge.target in ids


def plain(words: str) -> str:
    """A stranger's words alone in a block, a cell or a chip, or in a quoted attribute."""
    return escape(visible(words))


def text(words: str) -> str:
    """A stranger's words beside other words: their direction is their own."""
    return f"<bdi>{plain(words)}</bdi>" if words else ""


def when(told: str) -> str:
    """A time for people, with the exact one in the markup; something that is none stays as it is."""
    read = moment(told)
    if read is None:
        return plain(told)
    return f'<time datetime="{read:%Y-%m-%dT%H:%M:%SZ}">{read:%Y-%m-%d %H:%M} UTC</time>'


def size(count: int) -> str:
    """A number of bytes for people, in powers of 1000."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} bytes" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def _icon(node: Node) -> str:
    return f'<i class="icon {node.kind} tone-{tone_of(node)}"></i>'


def _chip(alias: str) -> str:
    return f'<span class="chip tone-{chip_tone(alias)}">{plain(alias)}</span>'


def _registered(link: Link) -> str:
    """A registered version that links this one, and its own aliases."""
    name = f'<span class="chip registered tone-locked">{plain(link.name)}</span>'
    return " ".join([name, *(_chip(alias) for alias in link.aliases)])


def _state(node: Node) -> str:
    if not node.state:
        return ""
    return f'<span class="state tone-{tone_of(node)}">{plain(node.state)}</span>'


def _aside(node: Node) -> str:
    """What tells a neighbour from its siblings."""
    words = [_state(node) if node.state != "finished" else "", *(_chip(alias) for alias in node.aliases)]
    kind = f"<small>{plain(node.type)}</small>" if node.type else ""
    return kind + "".join(words)


def _words(node: Node) -> Iterator[str]:
    for key in ("description", "notes"):
        if node.facts.get(key):
            yield _cut(str(node.facts[key]))
    if not node.facts and node.note and not node.members:
        yield node.note


def _facts(node: Node) -> str:
    """The short facts as a list of terms."""
    facts = node.facts
    rows: list[tuple[str, str]] = []

    def say(title: str, markup: str) -> None:
        if markup:
            rows.append((title, markup))

    if node.links:
        say("Registered as", "<br>".join(_registered(link) for link in node.links))
    say("Started" if node.kind == "run" else "Created", when(str(facts.get("created", ""))))
    say("Ended", when(str(facts.get("ended", ""))))
    say("By", plain(str(facts.get("by", ""))))
    if isinstance(facts.get("size"), int):
        count = facts.get("files")
        files = f" in {count:,} file{'' if count == 1 else 's'}" if isinstance(count, int) else ""
        say("Size", f"{size(int(str(facts['size'])))}{files}")
    for title, key in (("Project", "project"), ("Group", "group")):
        say(title, plain(str(facts.get(key, ""))))
    tags = facts.get("tags")
    if isinstance(tags, Sequence):
        say("Tags", " ".join(f'<span class="chip tone-locked">{plain(str(tag))}</span>' for tag in tags))
    say("Run id", _code(str(facts.get("id", ""))))
    uncommitted = ' <span class="chip tone-running">with uncommitted changes</span>' if facts.get("uncommitted") else ""
    say("Code", _code(str(facts.get("code", ""))) + uncommitted)
    say("Commit", _code(str(facts.get("commit", ""))))
    say("Digest", _code(str(facts.get("digest", ""))))
    if not rows:
        return ""
    return "<dl>" + "".join(f"<dt>{title}<dd>{markup}" for title, markup in rows) + "</dl>"


def _code(words: str) -> str:
    """A hash: its beginning is shown, all of it can be copied."""
    if len(words) > 16:
        return f"<code>{plain(words[:12])}<span>{plain(words[12:])}</span></code>"
    return f"<code>{plain(words)}</code>" if words else ""


def _values(values: Mapping[str, object]) -> str:
    """A record's mapping as a list of terms, nested keys with dots between them."""
    rows = list(_flat(values))
    lines = [f"<dt>{plain(_cut(key))}<dd>{plain(_cut(value))}" for key, value in rows[:_ROWS]]
    if len(rows) > _ROWS:
        lines.append(f"<dt>and {len(rows) - _ROWS:,} more<dd>")
    return '<dl class="values">' + "".join(lines) + "</dl>"


def _flat(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from ((f"{key}.{inner}", words) for inner, words in _flat(value))
        else:
            yield str(key), value if isinstance(value, str) else _number(value)


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
