from .ranks import RankError as RankError
from .ranks import Ranks as Ranks
from .ranks import connect as connect
from .walks import iter_walks as iter_walks
