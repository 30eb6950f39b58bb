"""The tree of a version's commit, FORMAT.md 5: written from a listing, and read back into one."""

from __future__ import annotations

from gitreg.data.config import VERSION_GITIGNORE, version_config
from gitreg.errors import MissingBytesError, RecordError
from gitreg.git.objects import Batch
from gitreg.records.listing import Listing
from gitreg.records.names import CollectionName
from gitreg.records.objects import Oid
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
