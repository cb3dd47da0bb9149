from .dataset import Dataset as Dataset
from .heart import read_heart as read_heart
from .loading import load as load
from .loading import names as names
from .splits import LabelSplit as LabelSplit
from .splits import LinkSplit as LinkSplit
from .splits import TripleSplit as TripleSplit
