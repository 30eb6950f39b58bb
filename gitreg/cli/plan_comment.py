"""A plan as a comment: reads what `plan_markdown` shows beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from gitreg.cli import plan_markdown
from gitreg.errors import NotFoundError
from gitreg.lineage import build
from gitreg.lineage.graph import Graph
from gitreg.lineage.moves import with_move
from gitreg.promotion.request import Move, Plan
from gitreg.records.records import Place
from gitreg.registry import aliases, versions
from gitreg.registry.repository import Registry
from gitreg.registry.usage import Usage
from gitreg.registry.versions import Version

# a picture of more would not fit into a comment
_PICTURED = 4


def written(registry: Registry, plan: Plan) -> str:
    """The comment, with a picture of the first few moves. Raises: RecordError."""
    remote = next(iter(registry.transport.push_urls()), "") if registry.has_remote else ""
    return plan_markdown.text(plan, _graph(registry, plan.moves), remote=remote)


def _graph(registry: Registry, moves: Sequence[Move]) -> Graph | None:
    """The lineage of the versions that gain or lose an alias."""
    pictured = [move for move in moves if move.new or move.old][:_PICTURED]
    places = [place for move in pictured for place in (move.new, move.old) if place]
    found = [version for place in places if (version := _version(registry, place))]
    if not found:
        return None
    # CI has no index, and would make one for this picture
    graph = build.lineage_of(registry, found[0], also=found[1:], known=Usage(registry))
    for move in pictured:
        # a version that is not here is not in the picture
        with contextlib.suppress(NotFoundError):
            label = move.new.version.label if move.new else None
            graph = with_move(graph, str(move.alias.collection), move.alias.alias, label)
    return graph


def _version(registry: Registry, place: Place) -> Version | None:
    return aliases.version_at(versions.all_versions(registry, place.version.collection), place)
