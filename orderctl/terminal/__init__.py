"""The terminal: tables, JSON, progress; documents from files and standard input."""
