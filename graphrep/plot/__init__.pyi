from .curves import degrees as degrees
from .curves import history as history
from .layouts import layout as layout
from .maps import map as map  # noqa: A004
from .pages import HtmlMap as HtmlMap
from .pages import map_html as map_html
