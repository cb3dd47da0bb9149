from .closed import EASE as EASE
from .closed import GFCF as GFCF
from .closed import ItemKNN as ItemKNN
from .closed import Popularity as Popularity
