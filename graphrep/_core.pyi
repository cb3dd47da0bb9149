# The compiled module; its functions are wrapped, with types, by the cpu.py beside each op.
from typing import Any

def __getattr__(name: str) -> Any: ...
