import sys

from . import bench as bench
from . import cluster as cluster
from . import contrast as contrast
from . import datasets as datasets
from . import distributed as distributed
from . import evaluate as evaluate
from . import heuristics as heuristics
from . import io as io
from . import learn as learn
from . import linkpred as linkpred
from . import loader as loader
from . import nn as nn
from . import ops as ops
from . import plot as plot
from . import pyg as pyg
from . import recommend as recommend
from . import relational as relational
from ._version import __version__ as __version__
from .cli.doctor import show_versions as show_versions
from .cluster import SCGC as SCGC
from .cluster import PamC as PamC
from .contrast import Contrastive as Contrastive
from .contrast import StructComp as StructComp
from .embed import AE as AE
from .embed import HOPE as HOPE
from .embed import LINE as LINE
from .embed import MUSAE as MUSAE
from .embed import STRAP as STRAP
from .embed import DeepWalk as DeepWalk
from .embed import FastRP as FastRP
from .embed import MetaPath2Vec as MetaPath2Vec
from .embed import NetMF as NetMF
from .embed import Node2Vec as Node2Vec
from .embed import ProNE as ProNE
from .embed import PropagatedFeatures as PropagatedFeatures
from .embed import Spectral as Spectral
from .graph import Graph as Graph
from .graph import Relation as Relation
from .graph import as_graph as as_graph
from .graph import open_graph as open_graph
from .io.index import VectorIndex as VectorIndex
from .io.index import load_index as load_index
from .linkpred import GAE as GAE
from .linkpred import NCN as NCN
from .linkpred import NCNC as NCNC
from .linkpred import BestLinkPredictor as BestLinkPredictor
from .linkpred import EmbeddingScorer as EmbeddingScorer
from .linkpred import NetInfoFAct as NetInfoFAct
from .models import load as load
from .ops import iter_walks as iter_walks
from .ops import random_walks as random_walks
from .recommend import ALS as ALS
from .recommend import EASE as EASE
from .recommend import GFCF as GFCF
from .recommend import ItemKNN as ItemKNN
from .recommend import LightGCN as LightGCN
from .recommend import MatrixFactorization as MatrixFactorization
from .recommend import Popularity as Popularity
from .relational import ComplEx as ComplEx
from .relational import DistMult as DistMult
from .relational import RelationEnsemble as RelationEnsemble
from .relational import RotatE as RotatE
from .relational import TransE as TransE
from .vectors import NodeVectors as NodeVectors
from .vectors import load_vectors as load_vectors

# A module that can be called, which mypy does not know of: checkers see an object of its class, and lazy_loader, which
# evaluates no condition, the module.
if sys.version_info >= (3, 10):  # noqa: UP036
    import graphrep.embed.room as _room

    embed: _room.EmbedModule
else:
    from . import embed as embed
