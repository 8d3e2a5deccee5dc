"""Tests of the gateway: the specification of what it does, and the labs that it is tried in."""
