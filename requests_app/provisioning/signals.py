"""What provisioning announces to the rooms above; each is sent at least once, after the commit."""

from django.dispatch import Signal


# grant (Grant), old (str), new (str). Receivers must bear a repeat.
grant_changed = Signal()
# workspace (Workspace), code (str): a step failed in a way that a person must look at.
workspace_failed = Signal()
# permit (Permit), days (int): 90, 30 or 7 days are left.
permit_expiring = Signal()
# grant (Grant): a key is there to be shown to its person.
key_ready = Signal()
# grant (Grant): the key was not shown within 72 hours and is being deleted.
key_unrevealed = Signal()
# grant (Grant), days (int): the person's key ends before the permit does: rotate it.
key_expiring = Signal()
# workspace (Workspace): the files of the extract are staged and wait for a second person.
extract_staged = Signal()
# workspace (Workspace), finding (str), narrowed (bool): the provider differs from what we wrote.
drift_found = Signal()
