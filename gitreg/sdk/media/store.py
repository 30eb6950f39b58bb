"""Tables and media as files of an artifact: a table is a folder, a medium one file, and a sidecar says the rest.

What is read was written by a stranger: sizes are bounded, and everything is checked before it is believed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from gitreg.errors import InvalidArtifactError, InvalidValueError, NewerSchemaError, RecordError
from gitreg.registry import contents
from gitreg.sdk.files import ArtifactFile
from gitreg.sdk.media import codec, parquet, tagged
from gitreg.sdk.media.base import Media
from gitreg.sdk.media.columns import ANY, Column
from gitreg.sdk.media.kinds import KIND_OF_END, end_of, media_class
from gitreg.sdk.media.table import Name, Table
from gitreg.sdk.staging import inside_path

if TYPE_CHECKING:
    from gitreg.sdk.artifact import Artifact
    from gitreg.sdk.readable import Readable

SCHEMA = 1
MAX_SIDECAR = 1 << 24
"""The bytes that `table.json` or a medium's sidecar may have."""
_MAX_ROWS = 1 << 48
_SMALL = 1 << 20
_TABLE, _SIDECAR = ".table/table.json", ".media.json"
# 'train_table.table.json' and 'photo.image-file.json' are W&B's names for the same.
_WANDB = re.compile(r"\.(?:table(?:/table)?\.json|table|[a-z0-9]+-file\.json)\Z")
_FILE = re.compile(r"[A-Za-z0-9_-]+\.parquet\Z")


def add(artifact: Artifact, obj: object, name: str, *, overwrite: bool) -> ArtifactFile:
    """Add a table or a medium to a draft; the file that `get` begins with.

    Raises: InvalidValueError (a TypeError) for anything else, InvalidArtifactError (a ValueError) for a name that is
        taken by other content unless `overwrite`, MissingExtraError. Nothing is added then.
    """
    artifact._need_draft("add an object")
    if not isinstance(name, str):
        raise InvalidValueError(f"the name is {type(name).__name__}", hint='add(obj, "a/name")')
    if isinstance(obj, Table):
        return _add_table(artifact, obj, _WANDB.sub("", inside_path(name)), overwrite=overwrite)
    if isinstance(obj, Media):
        return _add_media(artifact, obj, _WANDB.sub("", inside_path(name)), overwrite=overwrite)
    raise InvalidValueError(
        f"{type(obj).__name__} cannot be added", hint="add takes a Table, an Image or another medium; add_file a file"
    )


def get(artifact: Readable, name: str) -> Table | Media | None:
    """The table or medium of that name, or None. Of a logged artifact only what it needs is fetched, and read late.

    Raises: RecordError when it is malformed, NewerSchemaError; StorageError, IntegrityError.
    """
    files = _Files(artifact)
    plain = _WANDB.sub("", name.removeprefix("./"))
    if plain + _TABLE in files:
        return _read_table(files, plain)
    for path in (plain, *(f"{plain}.{end}" for end in KIND_OF_END)):
        if path in files and (end_of(path) or path + _SIDECAR in files):
            return _read_media(files, path)
    return None


class _Files:
    """The files of an artifact, drafts included, by path."""

    def __init__(self, artifact: Readable) -> None:
        logged, staging = artifact._logged, artifact._staging
        self._sizes: dict[str, int]
        self.read: Callable[[str], bytes]
        """The bytes of a file, those of a logged one checked. Raises: StorageError, IntegrityError."""
        if logged is None:
            self._sizes = {path: place.stat().st_size for path, place in staging.files().items()}
            self._sizes |= {path: item.entry.size for path, item in staging.kept.items()}
            self.read = staging.read
        else:
            self._sizes = {entry.path: entry.size for entry in logged.listing}
            self.read = partial(contents.read, logged.registry, logged.details)

    def __contains__(self, path: str) -> bool:
        return path in self._sizes

    def document(self, path: str) -> dict[str, Any]:
        """The mapping that a sidecar holds. Raises: RecordError, NewerSchemaError."""
        if self._sizes[path] > MAX_SIDECAR:
            raise RecordError(f"'{path}' has {self._sizes[path]} bytes, more than {MAX_SIDECAR}")
        try:
            found = json.loads(self.read(path))
        except (ValueError, RecursionError) as error:
            raise RecordError(f"'{path}' is no JSON: {str(error)[:200]}") from error
        schema = found.get("schema") if isinstance(found, dict) else None
        if type(schema) is not int or schema < 1:
            raise RecordError(f"'{path}' has no schema number")
        if schema > SCHEMA:
            raise NewerSchemaError(f"'{path}'", schema, SCHEMA)
        assert isinstance(found, dict)
        return found


# media


def media_files(medium: Media, name: str) -> tuple[str, dict[str, bytes]]:
    """The path of a medium's file, and what its files hold: that, and a sidecar when there is more to say."""
    path = name if end_of(name) == medium.format else f"{name}.{medium.format}"
    document: dict[str, object] = {"schema": SCHEMA, "kind": medium.kind, "format": medium.format}
    if medium.caption is not None:
        document["caption"] = medium.caption
    if medium._details:
        document["details"] = medium._details
    files = {path: medium.data}
    if len(document) > 3 or KIND_OF_END.get(medium.format) != medium.kind:
        files[path + _SIDECAR] = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    return path, files


def _add_media(artifact: Artifact, medium: Media, name: str, *, overwrite: bool) -> ArtifactFile:
    path, files = media_files(medium, name)
    if path + _SIDECAR in artifact._staging:
        files.setdefault(path + _SIDECAR, b"")
    return _write(artifact, files, path, overwrite=overwrite)


def _write(artifact: Artifact, files: Mapping[str, bytes], first: str, *, overwrite: bool) -> ArtifactFile:
    """Write files into a draft, and take out those without bytes; the entry of the first."""
    there = {path: found.sha256 for path in files if (found := artifact._staging.find(path))}
    if there and not overwrite and there != {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}:
        raise InvalidArtifactError(
            f"'{first}' is in the artifact already, with other content", hint="pass overwrite=True to replace it"
        )
    for path, data in files.items():
        if data or path == first:
            with artifact.new_file(path, "wb") as file:
                file.write(data)
        else:
            artifact.remove(path)
    return ArtifactFile(first, artifact)


def _read_media(files: _Files, path: str) -> Media:
    format, caption, details = end_of(path), None, {}
    kind = KIND_OF_END.get(format, "")
    if path + _SIDECAR in files:
        found = files.document(path + _SIDECAR)
        kind, format = str(found.get("kind")), str(found.get("format"))
        caption, details = found.get("caption"), found.get("details", {})
    made = media_class(kind)
    if made is None or not isinstance(caption, (str, type(None))) or not isinstance(details, dict):
        raise RecordError(f"'{path}{_SIDECAR}' describes no medium")
    return made._of(files.read(path), format, caption, details)


# tables


def _add_table(artifact: Artifact, table: Table, name: str, *, overwrite: bool) -> ArtifactFile:
    folder = f"{name}.table/"
    # before anything is written: what cannot be stored is refused here
    encoded = {column: codec.encode(column, table._columns[column].values) for column in table.columns}
    there = [path for path in artifact._staging if path.startswith(folder)]
    if there and not overwrite:
        from gitreg.sdk.artifact import Artifact as Draft

        other = Draft(str(artifact._collection), artifact.type)
        entry = _write_table(other, encoded, len(table), folder)
        if _hashes(other, folder) != _hashes(artifact, folder):
            raise InvalidArtifactError(
                f"'{name}' is in the artifact already, with other content", hint="pass overwrite=True to replace it"
            )
        return ArtifactFile(entry.path, artifact)
    for path in there:
        artifact.remove(path)
    return _write_table(artifact, encoded, len(table), folder)


def _hashes(artifact: Artifact, folder: str) -> dict[str, str]:
    return {file.path: file.sha256 for file in artifact.files() if file.path.startswith(folder)}


def _write_table(artifact: Artifact, encoded: Mapping[Name, codec.Encoded], rows: int, folder: str) -> ArtifactFile:
    """Write a table's files: what is small together, each of the others by itself."""
    infos: list[dict[str, Any]] = []
    shared: dict[str, Any] = {}
    written: list[str] = []
    try:
        for number, (name, column) in enumerate(encoded.items()):
            arrays = {f"{name}.{part}" if part else str(name): array for part, array in column.arrays.items()}
            info = {"name": name, **column.info}
            parts = [part for part in column.arrays if part]
            if column.alone or sum(array.nbytes for array in arrays.values()) > _SMALL:
                file = f"{number}-{re.sub(r'[^A-Za-z0-9_-]+', '-', str(name))[:40]}.parquet"
                info |= {"file": file, "field": 0}
                _write_columns(artifact, folder + file, arrays, repeats=column.repeats)
                written.append(folder + file)
            else:
                info |= {"file": "data.parquet", "field": len(shared)}
                shared |= arrays
            infos.append({**info, **({"parts": parts} if parts else {})})
        if shared:
            _write_columns(artifact, f"{folder}data.parquet", shared, repeats=False)
            written.append(f"{folder}data.parquet")
        return _write(artifact, {f"{folder}table.json": _document(infos, rows)}, f"{folder}table.json", overwrite=True)
    except BaseException:
        for path in written:
            artifact.remove(path)
        raise


def _write_columns(artifact: Artifact, path: str, arrays: Mapping[str, Any], *, repeats: bool) -> None:
    with artifact.new_file(path, "wb") as file:
        parquet.write(file, arrays, repeats=repeats)


def _document(infos: Collection[Mapping[str, Any]], rows: int) -> bytes:
    """`table.json`: a column a line."""
    lines = ",\n  ".join(json.dumps(info, ensure_ascii=False) for info in infos)
    columns = f"[\n  {lines}\n ]" if infos else "[]"
    return f'{{\n "schema": {SCHEMA},\n "rows": {rows},\n "columns": {columns}\n}}\n'.encode("utf-8", "surrogatepass")


def _read_table(files: _Files, name: str) -> Table:
    path = name + _TABLE
    found = files.document(path)
    rows, infos = found.get("rows"), found.get("columns")
    if type(rows) is not int or not 0 <= rows < _MAX_ROWS or not isinstance(infos, list) or (rows and not infos):
        raise RecordError(f"'{path}' has no number of rows, or no columns")
    columns: dict[Name, Column] = {}
    known: set[tuple[str, int]] = set()
    folder = path.rpartition("/")[0]
    # the small columns are one file, which is read once
    read = lru_cache(maxsize=None)(partial(_read_arrays, files, rows))
    for info in infos:
        _check_info(path, info, columns)
        file = f"{folder}/{info['file']}"
        if file not in files:
            raise RecordError(f"'{path}' names '{file}', which is not there")
        fields = {(file, info["field"] + part) for part in range(1 + len(info.get("parts", ())))}
        if fields & known:
            # else one column of a file could become as many in memory as anybody likes
            raise RecordError(f"'{path}' has one field of '{file}' in two columns")
        known |= fields
        columns[info["name"]] = Column.read(_kind(info), partial(_read_column, read, file, info))
    return Table._read(columns, rows)


def _check_info(path: str, info: object, columns: Collection[Name]) -> None:
    """Raises: RecordError when this is no description of a column."""
    good = (
        isinstance(info, dict)
        and type(info.get("name")) in (str, int)
        and isinstance(info.get("kind"), str)
        and isinstance(info.get("file"), str)
        and _FILE.match(info["file"])
        and type(info.get("field")) is int
        and info["field"] >= 0
        and isinstance(info.get("parts", []), list)
        and all(isinstance(part, str) for part in info.get("parts", []))
    )
    if not good or not isinstance(info, dict):
        raise RecordError(f"'{path}' has a column that is not described as one")
    if info["name"] in columns:
        raise RecordError(f"'{path}' has the column {str(info['name'])[:100]!r} twice")


def _kind(info: Mapping[str, Any]) -> str:
    """The kind of a column in memory."""
    kind = info["kind"]
    if kind == "array" and not info.get("shape"):
        return {"b": "boolean", "M": "time", "m": "array"}.get(tagged.dtype_of(info.get("dtype")).kind, "number")
    known = {"integer": "number", "float": "number", "json": ANY, "null": "", "arrays": "array"}
    return str(info.get("media")) if kind == "media" else known.get(kind, kind)


def _read_arrays(files: _Files, rows: int, path: str) -> list[list[Any]]:
    return parquet.read(files.read(path), rows)


def _read_column(read: Callable[[str], list[list[Any]]], path: str, info: dict[str, Any]) -> Any:
    names, at = ["", *info.get("parts", ())], info["field"]
    found = []
    for arrays in read(path):
        if at + len(names) > len(arrays):
            raise RecordError(f"'{path}' has {len(arrays)} fields, and {at + len(names)} are spoken of")
        found.append(codec.decode(info, dict(zip(names, arrays[at:], strict=False)), len(arrays[at])))
    return codec.joined(found)
