"""Real counterparts for tests: a Pacemaker cluster, snmptrapd, PostgreSQL, and what should have been told."""
