"""The provider of this process, as its settings name it."""

from django.conf import settings

from requests_app.provisioning.providers.port import Provider
from requests_app.provisioning.providers.scaleway.shape import SCALEWAY
from requests_app.provisioning.providers.shape import Shape


def shape() -> Shape:
    """What is known of the provider without calling it, in any process."""
    return SCALEWAY


def is_configured() -> bool:
    """Whether this process may call the provider at all."""
    return bool(settings.SCW["secret_key"])


def provider() -> Provider:
    """The provider as configured for this process. Raises Permanent on a wrong configuration."""
    # here: only the process that calls a provider loads its SDK (test_what_processes_load.py)
    from requests_app.provisioning.providers.scaleway.provider import connect
    from requests_app.provisioning.providers.scaleway.sdk import ScalewayConfig

    config = settings.SCW
    return connect(
        ScalewayConfig(
            access_key=config["access_key"],
            secret_key=config["secret_key"],
            organization_id=config["organization_id"],
            region=config["region"],
            api_url=config["api_url"],
            s3_endpoint=config["s3_endpoint"],
            portal_application_id=config["portal_application_id"],
        )
    )
