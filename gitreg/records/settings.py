"""What a team has set for its registry: `.gitreg/config.yaml`, on the default branch.

```yaml
schema: 1
aliases: refs/heads/gitreg/aliases/    # where they lie on the registry remote; default: refs/gitreg/aliases/
```

Pure: text in, `Settings` out, or an error that names the line.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitreg.errors import RecordError, SettingsError
from gitreg.records import fields, yamlio
from gitreg.records.refs import ALIAS_ROOT, ALIAS_ROOTS
from gitreg.records.similar import closest

PATH = ".gitreg/config.yaml"
_KEYS = ("schema", "aliases")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, and what holds without any.

    Attributes:
        aliases: below which the aliases lie on the registry remote.
    """

    aliases: str = ALIAS_ROOT


def parse(text: str) -> Settings:
    """Read the settings. Raises: SettingsError."""
    document = yamlio.load_lined(PATH, text)
    for key in document:
        if key not in _KEYS:
            close = closest(key, _KEYS)
            hint = f"did you mean '{close}'?" if close else f"known are {', '.join(_KEYS)}"
            raise SettingsError(PATH, document.lines[key], f"there is no setting '{key[:_LONGEST]}'", hint=hint)
    if "schema" in document:
        try:
            fields.check_schema(document, "the file")
        except RecordError as error:
            raise SettingsError(PATH, document.lines["schema"], error.message, hint=error.hint) from error
    root = document.get("aliases", ALIAS_ROOT)
    if root not in ALIAS_ROOTS:
        said = repr(root)
        message = f"aliases cannot lie below {said if len(said) <= _LONGEST else said[:_LONGEST] + ' ...'}"
        raise SettingsError(PATH, document.lines["aliases"], message, hint=f"write {' or '.join(ALIAS_ROOTS)}")
    return Settings(root)
