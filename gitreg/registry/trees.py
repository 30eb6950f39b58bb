"""The tree of a version's commit, FORMAT.md 5: written from a listing, read back into one, and examined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gitreg.data.config import VERSION_GITIGNORE, version_config
from gitreg.errors import MissingBytesError, RecordError
from gitreg.git.objects import Batch
from gitreg.records.listing import Listing
from gitreg.records.names import CollectionName
from gitreg.records.objects import Oid, encode_tree, parse_tree
from gitreg.records.pointer import Pointer
from gitreg.records.records import ArtifactRecord
from gitreg.records.references import Summed
from gitreg.registry.repository import Registry

# Above this a manifest or listing is a DVC object of its own: hosts limit blobs, and every clone pays for them.
MAX_BLOB = 1 << 20
ATTRIBUTES = b"* -text !filter !diff !merge\n"
# The manifest, the listing, and the references where there are any.
ENDS = (".sha256", ".files", ".references")


def write(registry: Registry, batch: Batch, collection: CollectionName, listing: Listing) -> Oid:
    """Add the tree of a version to the batch; large manifests go into the cache. Raises: StorageError."""
    name = collection.name
    files = {
        f"artifacts/{name}.dvc": Pointer(name, listing.pointer_md5, listing.size, len(listing)).encode(),
        "artifacts/.gitattributes": ATTRIBUTES,
        ".dvc/config": version_config(registry.project.default_storage),
        ".dvc/.gitignore": VERSION_GITIGNORE,
    }
    ignored = [f"/{name}"]
    for end, text in zip(ENDS, (listing.manifest, listing.files_text, listing.references_text), strict=True):
        if end == ".references" and not text:
            continue
        if len(text) <= MAX_BLOB:
            files[f"artifacts/{name}{end}"] = text
        else:
            stored = registry.cache.add_bytes(text)
            files[f"artifacts/{name}{end}.dvc"] = Pointer(f"{name}{end}", stored.md5, stored.size, None).encode()
            ignored.append(f"/{name}{end}")
    files["artifacts/.gitignore"] = "".join(f"{line}\n" for line in ignored).encode()
    return batch.add_tree(files)


def sidecars(registry: Registry, tree: Oid, collection: CollectionName) -> tuple[Pointer, ...]:
    """The DVC objects that a version has besides its files: large manifests and listings. Raises: RecordError."""
    found = (registry.objects.blob_at(tree, f"artifacts/{collection.name}{end}.dvc") for end in ENDS)
    return tuple(Pointer.parse(text) for text in found if text is not None)


def read(registry: Registry, tree: Oid, record: ArtifactRecord) -> Listing:
    """The files of a version, checked against its record and its pointer.

    Raises: RecordError when tree and record disagree, MissingBytesError when a large manifest is not in the cache.
    """
    name = record.collection.name
    texts = [_sidecar(registry, tree, name + end) for end in ENDS if end != ".references" or record.references]
    listing = Listing.parse(*texts)
    text = registry.objects.blob_at(tree, f"artifacts/{name}.dvc")
    if text is None:
        raise RecordError(f"the version's tree has no 'artifacts/{name}.dvc'")
    pointer = Pointer.parse(text)
    if not pointer.md5 == record.pointer == listing.pointer_md5:
        raise RecordError(f"pointer and listing of '{record.collection}' disagree")
    if listing.manifest_sha256 != record.manifest or listing.digest != record.digest:
        raise RecordError(f"manifest and record of '{record.collection}' disagree")
    if Summed.of(listing.references) != record.references:
        raise RecordError(f"references and record of '{record.collection}' disagree")
    return listing


def config(registry: Registry, tree: Oid) -> bytes:
    """The version's own `.dvc/config`, empty when it has none."""
    return registry.objects.blob_at(tree, ".dvc/config") or b""


def _sidecar(registry: Registry, tree: Oid, name: str) -> bytes:
    text = registry.objects.blob_at(tree, f"artifacts/{name}")
    if text is not None:
        return text
    text = registry.objects.blob_at(tree, f"artifacts/{name}.dvc")
    if text is None:
        raise RecordError(f"the version's tree has no 'artifacts/{name}'")
    pointer = Pointer.parse(text)
    if not registry.cache.has(pointer.md5):
        raise MissingBytesError(f"'{name}' is not in the cache", [pointer.md5], hint="gitreg get fetches it")
    text = registry.cache.read(pointer.md5)
    if text is None:
        aside = registry.cache.quarantine(pointer.md5)
        raise MissingBytesError(
            f"'{name}' is damaged in the cache, and now lies at '{aside}'", [pointer.md5], hint="gitreg get fetches it"
        )
    return text


def examine(registry: Registry, root: Oid, name: str) -> tuple[dict[str, bytes], list[str]]:
    """The files of a version's tree, and what is wrong with it: what it lacks, and what it must not hold.

    `name` is the collection's last segment. Raises: RecordError, MissingObjectError.
    """
    files: dict[str, bytes] = {}
    problems: list[str] = []
    extra: list[str] = []
    folders = [("", root)]
    for folder, oid in folders:
        kind, data = registry.objects.read(oid)
        entries = [replace(entry, mode=b"") for entry in (parse_tree(data) if kind == "tree" else ())]
        # what is written again differs where a mode is another, or the order
        if kind != "tree" or encode_tree(entries) != data:
            problems.append(f"'{folder or '/'}' in its tree holds more than files of mode 100644")
        for entry in entries:
            path = folder + entry.name.decode("utf-8", "surrogateescape")
            if entry.is_tree and path in (".dvc", "artifacts"):
                folders.append((f"{path}/", entry.oid))
            elif entry.is_tree or path not in _allowed(name):
                extra.append(path)
            else:
                files[path] = registry.objects.read(entry.oid)[1]
    if extra:
        problems.append(f"its tree holds '{extra[0]}'{_more(extra)}, which is no part of an artifact")
    lacking = [path for path in _allowed(name) if path not in files and not _is_stood_for(path, files)]
    if lacking:
        problems.append(f"its tree has no '{lacking[0]}'{_more(lacking)}")
    for path, text in _fixed(name, files).items():
        if files.get(path, text) != text:
            problems.append(f"'{path}' in its tree is not what it must be")
    return files, problems


def _allowed(name: str) -> tuple[str, ...]:
    """What a version's tree may hold."""
    ends = (".dvc", *ENDS, *(f"{end}.dvc" for end in ENDS))
    own = (".gitattributes", ".gitignore", *(f"{name}{end}" for end in ends))
    return (".dvc/.gitignore", ".dvc/config", *(f"artifacts/{path}" for path in own))


def _is_stood_for(path: str, files: dict[str, bytes]) -> bool:
    """Whether a pointer stands for a file, or a file for its pointer, or nothing has to be there."""
    if path.endswith((".references", ".references.dvc")):
        return True
    if path.endswith((".sha256", ".files")):
        return f"{path}.dvc" in files
    return path.endswith((".sha256.dvc", ".files.dvc"))


def _fixed(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a tree that hold the same in every version, or follow from which others there are."""
    large = [f"/{name}{end}" for end in ENDS if f"artifacts/{name}{end}.dvc" in files]
    return {
        ".dvc/.gitignore": VERSION_GITIGNORE,
        "artifacts/.gitattributes": ATTRIBUTES,
        "artifacts/.gitignore": "".join(f"{line}\n" for line in (f"/{name}", *large)).encode(),
    }


def disagreements(record: ArtifactRecord, listing: Listing, text: bytes) -> Iterator[str]:
    """What a version's files do not agree with; `text` is its pointer."""
    try:
        pointer = Pointer.parse(text)
    except RecordError as error:
        yield f"pointer ({error})"
    else:
        found = Pointer(record.collection.name, listing.pointer_md5, listing.size, len(listing))
        if pointer != found:
            yield "pointer"
        elif text != found.encode():
            yield "pointer, which DVC would write in another form,"
    for key, here, told in (
        ("pointer", listing.pointer_md5, record.pointer),
        ("manifest", listing.manifest_sha256, record.manifest),
        ("digest", listing.digest, record.digest),
        ("size", listing.size, record.size),
        ("files", len(listing), record.files),
        ("references", Summed.of(listing.references), record.references),
    ):
        if here != told:
            yield f"record's '{key}'"


def _more(found: Sequence[object]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""
