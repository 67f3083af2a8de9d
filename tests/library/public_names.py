"""Which names of a module are public."""

import inspect


def public_names(module):
    """Those that it lists, or else all functions and classes that it defines under a name without underscore."""
    defined = [
        name
        for name, member in vars(module).items()
        if (inspect.isclass(member) or inspect.isroutine(member))
        and (member.__module__, member.__name__) == (module.__name__, name)
    ]
    return getattr(module, "__all__", [name for name in defined if not name.startswith("_")])
