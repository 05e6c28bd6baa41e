"""Scaffolds: the files of a new service, event or channel, made from `templates/`, all of them or none."""
