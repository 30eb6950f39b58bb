"""Columns in Parquet files: written so that the same columns give the same bytes, read without trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from gitreg.errors import RecordError
from gitreg.sdk.media.base import need

# Every option that has an influence on the bytes, so that a new release's defaults change nothing.
_OPTIONS = {
    "version": "2.6",
    "compression": "zstd",
    "compression_level": 3,
    "data_page_size": 1 << 20,
    "data_page_version": "1.0",
    "write_batch_size": 1024,
    "write_statistics": False,
    "use_compliant_nested_type": True,
    "use_deprecated_int96_timestamps": False,
    "write_page_index": False,
    "write_page_checksum": False,
    "store_schema": True,
}
_DICTIONARY, _SMALL_DICTIONARY = 1 << 30, 1 << 20
_GROUP_ROWS = 1 << 17
_GROUP_BYTES = 1 << 23

# What a file of ours stays below: a group of rows has at most 2^20 numbers, and takes more than 200 bytes of the file.
_MAX_RATIO = 70_000
_FREE = 1 << 30


def write(file: IO[bytes], arrays: Mapping[str, Any], *, repeats: bool) -> None:
    """Write Arrow arrays as a file; with `repeats`, equal values are stored once however much they take."""
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    table = arrow.table(list(arrays.values()), names=list(arrays))
    wide = sum(map(_wide, arrays.values()))
    parquet.write_table(
        table,
        file,
        row_group_size=max(1, min(_GROUP_ROWS, _GROUP_BYTES // max(1, wide))),
        # a row that is more than a group is cut into pages only when its numbers stand there one by one
        use_dictionary=wide <= _GROUP_BYTES or repeats,
        dictionary_pagesize_limit=_DICTIONARY if repeats else _SMALL_DICTIONARY,
        **_OPTIONS,
    )


def _wide(array: Any) -> int:
    """The bytes that a row takes, eight for each number."""
    stored = getattr(array, "storage", array)
    numbers = stored.type.list_size if need("pyarrow").types.is_fixed_size_list(stored.type) else 1
    return int(max(8 * numbers, array.nbytes // max(1, len(array))))


def read(data: bytes, rows: int) -> list[list[Any]]:
    """For each group of rows, the arrays of the file in order; texts and bytes as dictionaries.

    Arrow's arrays of texts and lists end at 2^31, a file does not.

    Raises: RecordError for what is no such file, has other rows, or would take absurdly more memory than its size.
    """
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    try:
        source = arrow.BufferReader(_without_schema(data))
        head = parquet.ParquetFile(source)
        found = head.metadata
        groups = [found.row_group(at) for at in range(found.num_row_groups)]
        columns = [(group, group.column(at)) for group in groups for at in range(group.num_columns)]
        total = sum(
            max(column.total_uncompressed_size, 8 * column.num_values, 8 * group.num_rows) for group, column in columns
        )
        if found.num_rows != rows or sum(group.num_rows for group in groups) != rows:
            raise RecordError(f"a file of the table has {found.num_rows} rows, not {rows}")
        if total > max(_FREE, len(data) * _MAX_RATIO):
            raise RecordError(f"a file of the table has {len(data)} bytes, and wants {total} in memory")
        schema = head.schema_arrow
        # what is known by its name below must be the only one
        odd = next((item for item in schema if not _is_ours(item.type) or schema.names.count(item.name) > 1), None)
        if odd is not None:
            raise RecordError(f"a file of the table has a field of type {str(odd.type)[:100]}, or twice")
        texts = [item.name for item in schema if _is_bytes(item.type)]
        source.seek(0)
        # a dictionary holds each text once, so that a small file cannot become a huge one
        reader = parquet.ParquetFile(source, read_dictionary=texts)
        tables = [reader.read_row_group(at) for at in range(len(groups))] or [reader.read()]
        return [[_one(column) for column in table.columns] for table in tables]
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise RecordError(f"a file of the table is damaged: {str(error)[:200]}") from error


def _one(column: Any) -> Any:
    """The chunks of a column as one array."""
    arrow = need("pyarrow")
    if arrow.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, arrow.ChunkedArray) else combined


def _is_bytes(kind: Any) -> bool:
    types = need("pyarrow").types
    return bool(
        types.is_string(kind) or types.is_binary(kind) or types.is_large_string(kind) or types.is_large_binary(kind)
    )


def _is_ours(kind: Any) -> bool:
    """Whether it is of a type that is written here: others' values may each be huge, and not be dictionaries."""
    types = need("pyarrow").types
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind = kind.value_type
        return bool(types.is_primitive(kind) or types.is_null(kind))
    return bool(types.is_primitive(kind) or types.is_null(kind) or _is_bytes(kind))


def _without_schema(data: bytes) -> memoryview:
    """The file with Arrow's own description of its types made unknown.

    Reading that would call into the extension types that any library of this process has registered.
    """
    size = int.from_bytes(data[-8:-4], "little")
    start = max(0, len(data) - 8 - size)
    if b"ARROW:schema" not in data[start:]:
        return memoryview(data)
    changed = bytearray(data)
    changed[start:] = data[start:].replace(b"ARROW:schema", b"arrow-schema")
    return memoryview(changed)
