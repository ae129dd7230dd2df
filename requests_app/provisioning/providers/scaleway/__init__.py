"""Scaleway behind the port: identities, object storage, transport."""
