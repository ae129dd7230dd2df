"""Pages of requests by who they are for; those that several share stand here."""
