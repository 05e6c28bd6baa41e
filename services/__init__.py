"""The five services and the kernel they share at run time."""
