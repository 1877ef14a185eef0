"""Recordings: what training was like, kept in bounded memory and on disk; any step can be taken again."""
