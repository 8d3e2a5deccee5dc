"""The outbox dispatcher and its sinks."""
