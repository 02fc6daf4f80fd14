"""Networks of visual cortex, their training and their scores; knows no database.

What is here, `__init__.pyi` lists. It is imported when it is used first: PyTorch takes seconds.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
