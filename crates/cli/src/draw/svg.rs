//! The picture as SVG: boxes with rows, arrows in curves, in colours that do on white and on black.
//! Texts of a graph become text only, never an attribute.
//! It leaves what is drawn to `picture`, and where to `layout`.

use svg::{
    Document, Node,
    node::{
        Text,
        element::{Definitions, Group, Marker, Path, Rectangle, Style, Text as TextElement, path::Data},
    },
};

use super::picture::{Arrow, EntityBox, Kind, Picture, Row};

const HEAD: f64 = 30.0;
const ROW: f64 = 38.0;
const MARGIN: f64 = 14.0;
/// Room of a letter of the two sizes below: generous, since fonts differ.
const WIDE: f64 = 8.2;
const NARROW: f64 = 7.0;
/// Around the picture, for curves that leave a box.
const BORDER: f64 = 60.0;

const STYLE: &str = "
text { font-family: sans-serif; fill: #1b2733; }
.title { font-size: 14px; font-weight: bold; fill: #ffffff; }
.name { font-size: 13px; font-weight: bold; }
.type { font-size: 11px; fill: #4a5a68; }
.label { font-size: 10px; fill: #4a5a68; }
.box { fill: #f4f7f9; stroke: #33658a; stroke-width: 1.5; }
.head { fill: #33658a; }
.row { stroke: #c9d6df; }
.messages { fill: none; stroke: #d1495b; stroke-width: 2.5; marker-end: url(#messages); }
.refers { fill: none; stroke: #7b8b99; stroke-width: 1.2; stroke-dasharray: 4 3; marker-end: url(#refers); }
";

/// Width and height of a box.
pub(super) fn size(each: &EntityBox) -> (f64, f64) {
    let long = |text: &str, letter: f64| letter * text.chars().count() as f64;
    let rows = each.rows.iter().map(|row| f64::max(long(&row.name, WIDE), long(&row.type_name, NARROW)));
    let width = rows.fold(long(&each.title, WIDE), f64::max);
    ((width + 2.0 * MARGIN).max(120.0).round(), HEAD + ROW * each.rows.len() as f64)
}

/// The picture; `places` are the boxes' upper left corners.
pub(super) fn svg(picture: &Picture, places: &[(f64, f64)]) -> String {
    let corners = picture.boxes.iter().zip(places).map(|(each, (x, y))| (x + size(each).0, y + size(each).1));
    let (right, bottom) = corners.fold((0.0, 0.0), |(a, b), (x, y)| (f64::max(a, x), f64::max(b, y)));
    let (width, height) = (right + 2.0 * BORDER, bottom + 2.0 * BORDER);
    let mut document = Document::new()
        .set("viewBox", (-BORDER, -BORDER, width, height))
        .set("width", width)
        .set("height", height)
        .add(Style::new(STYLE))
        .add(Definitions::new().add(tip("messages", "#d1495b", 9.0)).add(tip("refers", "#7b8b99", 7.0)))
        .add(rectangle(-BORDER, -BORDER, width, height).set("fill", "#ffffff"));
    for (each, place) in picture.boxes.iter().zip(places) {
        document.append(entity(each, *place));
    }
    for arrow in &picture.arrows {
        document.append(curve(arrow, picture, places));
    }
    format!("{document}\n")
}

fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Rectangle {
    Rectangle::new().set("x", x).set("y", y).set("width", width).set("height", height)
}

fn tip(name: &'static str, colour: &'static str, size: f64) -> Marker {
    let data = Data::new().move_to((0, 0)).line_to((size, size / 2.0)).line_to((0, size)).close();
    Marker::new()
        .set("id", name)
        .set("markerWidth", size)
        .set("markerHeight", size)
        .set("refX", size)
        .set("refY", size / 2.0)
        .set("orient", "auto")
        .set("markerUnits", "userSpaceOnUse")
        .add(Path::new().set("d", data).set("fill", colour))
}

fn text(content: &str, class: &'static str, x: f64, y: f64) -> TextElement {
    TextElement::new("").set("class", class).set("x", x).set("y", y).add(Text::new(content))
}

fn entity(each: &EntityBox, (x, y): (f64, f64)) -> Group {
    let (width, height) = size(each);
    let mut group = Group::new()
        .add(rectangle(x, y, width, height).set("class", "box"))
        .add(rectangle(x, y, width, HEAD).set("class", "head"))
        .add(text(&each.title, "title", x + MARGIN, y + 20.0));
    for (at, Row { name, type_name }) in each.rows.iter().enumerate() {
        let top = y + HEAD + ROW * at as f64;
        if at > 0 {
            let line = Data::new().move_to((x, top)).horizontal_line_by(width);
            group.append(Path::new().set("d", line).set("class", "row"));
        }
        if name.is_empty() {
            group.append(text(type_name, "type", x + MARGIN, top + 23.0));
        } else {
            group.append(text(name, "name", x + MARGIN, top + 16.0));
            group.append(text(type_name, "type", x + MARGIN, top + 31.0));
        }
    }
    group
}

/// From the edge of one row to the edge of the other; within a box in a bow beside it.
fn curve(arrow: &Arrow, picture: &Picture, places: &[(f64, f64)]) -> Group {
    let middle = |(at, row): (usize, usize)| places[at].1 + HEAD + ROW * (row as f64 + 0.5);
    let left = |at: usize| places[at].0;
    let right = |at: usize| left(at) + size(&picture.boxes[at]).0;
    let ((from, to), (y1, y2)) = ((arrow.from.0, arrow.to.0), (middle(arrow.from), middle(arrow.to)));
    let (class, label) = match arrow.kind {
        Kind::Messages => ("messages", arrow.label.as_str()),
        Kind::Refers => ("refers", arrow.label.as_str()),
    };
    let (x1, x2, bend1, bend2) = if from == to {
        // The further the rows are apart, the wider, so that bows do not lie on each other.
        let bow = 14.0 + 7.0 * (arrow.from.1.abs_diff(arrow.to.1) as f64);
        (right(from), right(to), bow, bow)
    } else if right(from) <= left(to) {
        let bend = (left(to) - right(from)) / 2.0;
        (right(from), left(to), bend, -bend)
    } else if right(to) <= left(from) {
        let bend = (left(from) - right(to)) / 2.0;
        (left(from), right(to), -bend, bend)
    } else {
        (left(from), left(to), -BORDER / 1.5, -BORDER / 1.5)
    };
    let data = Data::new().move_to((x1, y1)).cubic_curve_to((x1 + bend1, y1, x2 + bend2, y2, x2, y2));
    let mut group = Group::new().add(Path::new().set("d", data).set("class", class));
    // In a bow beside its box there is no room for words; the rows say enough.
    if from != to {
        let (x, y) = ((x1 + x2) / 2.0 + (bend1 + bend2) * 0.375, (y1 + y2) / 2.0 - 4.0);
        group.append(text(label, "label", x.round(), y.round()).set("text-anchor", "middle"));
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_graph_stay_texts() {
        let row = Row { name: "<b> & \"c\"".into(), type_name: "</svg><script>".into() };
        let picture =
            Picture { boxes: vec![EntityBox { title: "a\" x=\"<".into(), rows: vec![row] }], arrows: Vec::new() };
        let text = svg(&picture, &[(0.0, 0.0)]);
        assert!(text.contains("&lt;b&gt; &amp; \"c\"") && text.contains("&lt;/svg&gt;&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script>") && !text.contains("<b>"), "{text}");
    }
}
