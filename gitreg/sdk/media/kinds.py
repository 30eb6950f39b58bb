"""The kinds of media by name, and which kind a file is by its name's end."""

from __future__ import annotations

from importlib import import_module

from gitreg.sdk.media.base import Media

_CLASSES = {
    "image": "gitreg.sdk.media.image:Image",
    "audio": "gitreg.sdk.media.files:Audio",
    "video": "gitreg.sdk.media.files:Video",
    "html": "gitreg.sdk.media.files:Html",
    "object3d": "gitreg.sdk.media.files:Object3D",
    "molecule": "gitreg.sdk.media.files:Molecule",
    "plotly": "gitreg.sdk.media.files:Plotly",
    "histogram": "gitreg.sdk.media.files:Histogram",
}

# In the order in which `get` looks for them. GIF and Ogg may be a video, too, and then a sidecar says so.
_ENDS = {
    "image": "png jpg jpeg gif bmp webp tif tiff",
    "audio": "wav mp3 flac ogg m4a aac opus",
    "video": "mp4 webm mov avi mkv",
    "html": "html htm",
    "object3d": "obj gltf glb babylon stl pts.json",
    "molecule": "pdb pqr mmcif mcif cif sdf sd gro mol2 mmtf",
    "plotly": "plotly.json",
    "histogram": "histogram.json",
}
KIND_OF_END = {end: kind for kind, ends in _ENDS.items() for end in ends.split()}


def media_class(kind: str) -> type[Media] | None:
    """The class for a kind, or None."""
    home = _CLASSES.get(kind)
    if home is None:
        return None
    module, _, name = home.partition(":")
    found: type[Media] = getattr(import_module(module), name)
    return found


def end_of(path: str) -> str:
    """The end of a file's name that tells its kind, '' when none does."""
    name = path.rpartition("/")[2].lower()
    found = [end for end in KIND_OF_END if name.endswith(f".{end}") and name != f".{end}"]
    return max(found, key=len, default="")
