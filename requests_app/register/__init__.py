"""The public register of authorised projects."""
