"""The operator's page: a local web server, and the scripts that the browser runs."""
