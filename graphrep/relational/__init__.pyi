from .ensemble import RelationEnsemble as RelationEnsemble
from .estimators import ComplEx as ComplEx
from .estimators import DistMult as DistMult
from .estimators import RotatE as RotatE
from .estimators import TransE as TransE
from .metapath import metapath as metapath
from .metapath import metapath_features as metapath_features
from .untrained import triple_baselines as triple_baselines
