"""The topology database: tables, repository, history, event log, outbox. One transaction = one revision."""
