"""One module a command of ``python -m transformer_course``.

Each has ``add_arguments(parser)``, which imports nothing heavy, so that ``--help`` is fast, and
``run(arguments)``, which returns the exit status.
"""
