"""One module per protocol that carries notifications."""
