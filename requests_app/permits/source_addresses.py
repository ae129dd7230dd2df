"""Where a person may connect from: the addresses and networks that a convention declares."""

from ipaddress import ip_network

from django.utils.translation import gettext as _


# A declared network is the fence of a daughter system: one that holds half the world is none.
WIDEST = {4: 16, 6: 32}  # shortest prefix, by version of IP


class AddressRefused(ValueError):
    """Not an address, or too wide; the message is French."""


def network(text: str) -> str:
    """The address or network in CIDR, host bits cleared. Raises AddressRefused."""
    word = text.strip()
    try:
        found = ip_network(word, strict=False)
    except ValueError as error:
        raise AddressRefused(
            _("« %(word)s » n’est pas une adresse IP ni un réseau. Écrivez par exemple 192.0.2.10.")
            % {"word": word}
        ) from error
    widest = WIDEST[found.version]
    if found.prefixlen < widest:
        raise AddressRefused(
            _("« %(word)s » est trop large : déclarez des réseaux de /%(widest)d au plus.")
            % {"word": word, "widest": widest}
        )
    return str(found)
