"""The whole gateway as a process, against a real Pacemaker cluster and a real snmptrapd."""
