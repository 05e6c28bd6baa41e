"""The stage as AWS shows it: the target, its clients, its functions and APIs, its tables and queues."""
