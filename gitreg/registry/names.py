"""Names for runs that people can remember and say: `jumping-monkey-1`."""

from __future__ import annotations

import secrets

from gitreg.registry import runs
from gitreg.registry.repository import Registry

# Short, friendly, easy to spell; no colours or peoples.
_ADJECTIVES = (
    "amber ancient autumn blooming bold brave breezy bright brisk calm careful charming cheerful clever cosmic cozy "
    "crisp curious daring dashing dawning deep devoted distant dreamy drifting eager earnest easy electric elegant "
    "fabled faithful fancy fearless floral fluent flying fond fresh frosty gallant gentle giddy glad gleaming glowing "
    "golden good graceful grand happy hardy hearty hidden honest humble icy iconic jolly jovial joyful jumping keen "
    "kind leafy lemon light likely lively logical lucky lunar magic major mellow merry mild misty modest morning "
    "neat nimble noble olive opal open patient peaceful playful polar polished proud quick quiet radiant rare ready "
    "robust rosy royal rural serene shining silent silver simple skilled sleek smooth snowy soft solar spring steady "
    "still stellar summer sunny super swift tender thriving tidy tough upbeat vague valiant vibrant vital vivid warm "
    "wandering whole wild wise witty zesty"
)
_NOUNS = (
    "acorn aurora badger bay beacon bear bee birch bird blossom breeze bridge brook butterfly canyon capybara cedar "
    "cherry cloud clover comet coral cosmos crane cricket dawn deer delta dolphin dragon dream dune eagle echo elm "
    "ember falcon feather fern field finch fire firefly fjord flower fog forest fox frog galaxy garden gecko glacier "
    "glade grass grove harbor hare haze heron hill horizon island ivy jazz koala lagoon lake lark leaf lichen lion "
    "lotus lynx maple marsh meadow meteor mist monkey moon morning moss mountain nebula oak oasis ocean orchid otter "
    "owl panda pebble penguin pine plain planet plasma pond poppy quokka rain raven reef ridge river robin rose sea "
    "seal sky snow sparrow star stone storm stream sun sunset surf swan thunder tide tiger tortoise tree tulip "
    "universe valley violet voice water wave whale willow wind wood wren yogurt zebra"
)


def new_name(registry: Registry) -> str:
    """A name for the next run: its number is one more than the runs that are known here. A label, not unique."""
    return f"{secrets.choice(_ADJECTIVES.split())}-{secrets.choice(_NOUNS.split())}-{len(runs.tips(registry)) + 1}"
