"""What a team has agreed on in `.gitreg/policy.yaml`, as the default branch has it: which aliases are protected.

`aliases: {production: {protected: true}}`; the key is an alias, or `COLLECTION:ALIAS` for one collection's.
"""

from __future__ import annotations

from gitreg.errors import reading
from gitreg.records import fields, yamlio
from gitreg.records.names import AliasName
from gitreg.registry.repository import Registry

PATH = ".gitreg/policy.yaml"


def protected(registry: Registry, alias: AliasName) -> bool:
    """Whether nobody may take the version away from under an alias. Raises: RecordError for a policy that is none."""
    document = _read(registry)
    with reading(f"'{PATH}'", f"{_branch(registry)}:{PATH}"):
        rules = fields.mapping(document, "aliases")
        found = [fields.mapping(rules, key) for key in (str(alias), alias.alias) if key in rules]
        # a rule for one collection's alias counts more than one for all of that name
        return fields.boolean(found[0], "protected", default=False) if found else False


def _branch(registry: Registry) -> str:
    """The remote's default branch, as far as this clone knows it; else HEAD's."""
    there = f"refs/remotes/{registry.remote}/HEAD"
    return there if registry.objects.at(there) else "HEAD"


def _read(registry: Registry) -> fields.Document:
    tip = registry.objects.at(_branch(registry))
    if tip is None:
        return {}
    data = registry.objects.blob_at(registry.objects.commit(tip).tree, PATH)
    with reading(f"'{PATH}'", f"{_branch(registry)}:{PATH}"):
        return yamlio.load((data or b"{}").decode("utf-8", "replace"))
