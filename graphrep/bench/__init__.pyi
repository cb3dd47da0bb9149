from .engine import benchmark as benchmark
from .learners import LEARNERS as LEARNERS
from .learners import Learner as Learner
from .learners import Setting as Setting
from .results import Benchmark as Benchmark
from .results import Cell as Cell
from .results import Run as Run
from .results import read_benchmark as read_benchmark
