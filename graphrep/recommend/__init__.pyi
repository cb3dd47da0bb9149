from .closed import EASE as EASE
from .closed import ItemKNN as ItemKNN
from .closed import Popularity as Popularity
