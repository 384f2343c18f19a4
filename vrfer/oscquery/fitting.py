"""Which OSC profile fits what a program hears, such as the avatar that is worn in VRChat."""

from collections.abc import Set
from typing import Final

from vrfer.outputs.profiles import Profile, load_profile

AVATAR_PROFILES: Final = ("vrchat", "vrchat-compact", "vrcft")
"""The profiles whose addresses are an avatar's parameters."""


def heard_of(profile: Profile, heard: Set[str]) -> tuple[int, int]:
    """Return how many of a profile's addresses are heard, and how many it has.

    Args:
        profile: With several prefixes the one that fits best counts.
        heard: The program's addresses.
    """
    addresses = {message.address for message in profile.messages}
    numbers = (
        sum(prefix + address in heard for address in addresses) for prefix in profile.prefixes
    )
    return max(numbers), len(addresses)


def best_avatar_profile(heard: Set[str]) -> str:
    """Return the profile of which an avatar hears most; the first of those that fit alike."""
    return max(AVATAR_PROFILES, key=lambda name: heard_of(load_profile(name), heard)[0])
