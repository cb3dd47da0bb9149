from .edgelist import EdgeList as EdgeList
from .edgelist import read_edges as read_edges
from .vector_paths import VECTOR_FORMATS as VECTOR_FORMATS
from .vector_paths import VECTOR_SUFFIXES as VECTOR_SUFFIXES
from .vector_paths import check_vector_path as check_vector_path
from .vectors import VectorTable as VectorTable
from .vectors import read_vectors as read_vectors
from .vectors import write_vectors as write_vectors
