"""The reconciler (the only writer of topology) and the supervision of collectors."""
