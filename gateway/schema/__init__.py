"""How our terms are written in other languages."""
