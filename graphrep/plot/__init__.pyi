from .clusters import confusion as confusion
from .curves import degrees as degrees
from .curves import history as history
from .judging import precision_recall as precision_recall
from .judging import quality as quality
from .judging import score_distribution as score_distribution
from .layouts import layout as layout
from .maps import map as map  # noqa: A004
from .pages import HtmlMap as HtmlMap
from .pages import map_html as map_html
