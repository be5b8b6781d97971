"""The pytest plugin under its top-level name, for `pytest_plugins = ["conftest_plugin"]` and `-p conftest_plugin`.

The plugin itself is `fake_bluejay.pytest_plugin`, which the installed entry point names too: pytest loads it once.
"""

pytest_plugins = ["fake_bluejay.pytest_plugin"]
