"""Pacemaker clusters: read by crm_mon and cibadmin, hinted by their own alerts."""
