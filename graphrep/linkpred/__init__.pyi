from .embedding import EmbeddingScorer as EmbeddingScorer
from .neural import GAE as GAE
from .neural import NCN as NCN
from .neural import NCNC as NCNC
from .predictors import CompletionPredictor as CompletionPredictor
from .predictors import HadamardPredictor as HadamardPredictor
from .predictors import NeighborPredictor as NeighborPredictor
from .predictors import ResidualPredictor as ResidualPredictor
