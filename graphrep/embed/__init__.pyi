from .auto import Choice as Choice
from .auto import choose_embedder as choose_embedder
from .fastrp import FastRP as FastRP
from .fastrp import FastRPTrial as FastRPTrial
from .fastrp import tune_fastrp as tune_fastrp
from .features import PropagatedFeatures as PropagatedFeatures
from .node2vec import DeepWalk as DeepWalk
from .node2vec import Node2Vec as Node2Vec
