from .edgelist import EdgeList as EdgeList
from .edgelist import read_edges as read_edges
from .vectors import VECTOR_FORMATS as VECTOR_FORMATS
from .vectors import VECTOR_SUFFIXES as VECTOR_SUFFIXES
from .vectors import VectorTable as VectorTable
from .vectors import check_vector_path as check_vector_path
from .vectors import read_vectors as read_vectors
from .vectors import write_vectors as write_vectors
