"""The checks of the audit, one module for each subject."""
