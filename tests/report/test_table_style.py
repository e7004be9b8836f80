"""All printed tables look alike."""

from rnascl_tf.report.table_style import titled_table


def test_title_line_and_caption_at_the_left(lines_of):
    table = titled_table("The title", caption="a caption")
    table.add_column("name")
    table.add_column("value", justify="right")
    table.add_row("one", "1")
    text = lines_of(table, width=40)
    assert text[0] == "The title"
    assert "name value" in text
    assert set(text[text.index("name value") + 1]) == {"─"}
    assert text[-1] == "a caption"


def test_without_a_title(lines_of):
    table = titled_table()
    table.add_column("name")
    assert "name" in lines_of(table)
