from .als import ALS as ALS
from .closed import EASE as EASE
from .closed import GFCF as GFCF
from .closed import ItemKNN as ItemKNN
from .closed import Popularity as Popularity
from .learned import LightGCN as LightGCN
from .learned import MatrixFactorization as MatrixFactorization
