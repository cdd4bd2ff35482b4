"""What pytest must know at the root: the harness tests itself by running pytest within pytest."""

pytest_plugins = ["pytester"]
