from .metapath import metapath as metapath
from .metapath import metapath_features as metapath_features
