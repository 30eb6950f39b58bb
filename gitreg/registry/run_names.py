"""Names for runs that people remember: an adjective, a noun, and how many runs there are, `jumping-monkey-1`."""

from __future__ import annotations

import secrets

from gitreg.registry import runs
from gitreg.registry.repository import Registry

_ADJECTIVES = (
    "amber ancient autumn bold brave bright brisk calm careful cheerful clear clever cool copper cosy crimson crisp "
    "curious daring dashing deep eager early earnest easy elegant fair fast fearless fine floral fluent fresh gentle "
    "glad golden graceful grand happy hardy hidden honest humble icy jolly jumping keen kind late leafy light likely "
    "lively loyal lucky mellow merry mighty misty modest neat nimble noble open patient peaceful playful polite proud "
    "quick quiet radiant rapid ready rosy royal rustic scarlet serene sharp shy silent silver simple smooth snowy soft "
    "solar sparkling steady still stoic summer sunny super swift tidy tranquil true vague valiant velvet vivid warm "
    "wandering whimsical wild winter wise witty young zesty"
).split()
_NOUNS = (
    "acorn apple aspen badger bay beach bear birch bird blossom breeze brook butterfly canyon cedar cherry cliff cloud "
    "comet coral crane creek dawn deer delta dew dolphin dove dragon dream dune dust eagle elm ember falcon fern field "
    "finch fire firefly fjord flower fog forest fox frog frost galaxy garden glade glacier grass grove harbour hare "
    "hawk haze heron hill island ivy lake lark leaf lion lotus maple meadow mist monkey moon morning moss mountain "
    "night oak ocean orchid otter owl panda paper pebble pine planet plum pond poplar puma rain raven reef resonance "
    "river robin rose salmon sea shadow shape sky snow sound sparrow spring squirrel star stone storm stream sun "
    "sunset surf swan thunder tiger tree tulip valley violet voice water wave wildflower willow wind wolf wood wren"
).split()


def new_name(registry: Registry) -> str:
    """A name that no run of this clone has: the number at its end is one more than the runs that are known."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{len(runs.tips(registry)) + 1}"
