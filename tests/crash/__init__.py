"""Crash safety: whatever moment the gateway is killed at, no event is lost and none invented."""
