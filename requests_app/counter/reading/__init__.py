"""What people read: a request by its tabs, its course, inboxes, their own accesses."""
