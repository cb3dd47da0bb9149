from __future__ import annotations

from xml.etree import ElementTree as ET

from graphrep.evaluate.tables import Comparison, Row


class Result:
    def __init__(self, score):
        self.score = score

    def row(self):
        return Row("links of a & b", ["auc", "hits@10"], [f"{self.score:.2f}", "<1"])


def test_html_has_the_cells_of_the_text():
    table = Comparison({"<FastRP>": Result(0.9)}, {"degree": Result(0.5)})
    page = ET.fromstring(table._repr_html_())
    rows = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert rows == [["", "auc", "hits@10"], ["<FastRP>", "0.90", "<1"], ["degree (untrained)", "0.50", "<1"]]
    assert page.find("caption").text == "links of a & b"
    assert [cell.text for cell in page.iter("i")] == ["degree (untrained)"]
    text = repr(table).splitlines()
    assert text[0] == page.find("caption").text
    assert all(cell in line for row, line in zip(rows, [text[1], *text[3:]], strict=True) for cell in row)


def test_html_of_nothing():
    assert Comparison({}, {})._repr_html_() == "<p>an empty Comparison</p>"
