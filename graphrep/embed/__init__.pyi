from .fastrp import FastRP as FastRP
from .fastrp import FastRPTrial as FastRPTrial
from .fastrp import tune_fastrp as tune_fastrp
from .hope import HOPE as HOPE
from .netmf import NetMF as NetMF
from .node2vec import DeepWalk as DeepWalk
from .node2vec import Node2Vec as Node2Vec
from .prone import ProNE as ProNE
