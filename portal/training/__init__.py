"""A portal without a cloud: sandbox, demonstration data, the journey, processes of one machine.

The top layer: nothing imports it.
"""
