"""Clock, supervised tasks, retry, logging set-up, resource files. Knows nothing of the domain."""
