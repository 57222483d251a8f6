//! Where each box goes: layers from left to right along the arrows, by Sugiyama's method (crate rust-sugiyama).
//! Parts that no arrow joins stand below each other.
//! It leaves the size of texts and all drawing to `svg`.

use rust_sugiyama::{configure::Config, from_vertices_and_edges};

use super::{picture::Picture, svg};

/// Between two boxes that arrows join, if only by way of others: room for a label.
const GAP: f64 = 120.0;
/// Between parts that nothing joins.
const PART_GAP: f64 = 50.0;

/// The upper left corner of each box.
pub(super) fn places(picture: &Picture) -> Vec<(f64, f64)> {
    let sizes: Vec<(f64, f64)> = picture.boxes.iter().map(svg::size).collect();
    // Layers are rows there and columns here: width and height change places. More than u32::MAX boxes do not fit memory.
    let vertices: Vec<(u32, (f64, f64))> =
        (0u32..).zip(&sizes).map(|(at, (width, height))| (at, (*height, *width))).collect();
    let mut edges = Vec::new();
    for arrow in &picture.arrows {
        let edge = (arrow.from.0 as u32, arrow.to.0 as u32);
        // One way per pair of boxes: the layers need no more, and messages, which come first, give the direction.
        if edge.0 != edge.1 && !edges.contains(&edge) && !edges.contains(&(edge.1, edge.0)) {
            edges.push(edge);
        }
    }
    let config = Config { vertex_spacing: GAP, ..Config::default() };
    let mut places = vec![(0.0, 0.0); sizes.len()];
    let mut parts = from_vertices_and_edges(&vertices, &edges, &config);
    // The method itself does not say in which order it finds the parts.
    parts.sort_by_key(|(part, ..)| part.iter().map(|(at, _)| *at).min());
    let mut top = 0.0;
    for (part, ..) in parts {
        // Centres, with the axes as they were.
        let corner = |(at, (y, x)): &(usize, (f64, f64))| (*at, x - sizes[*at].0 / 2.0, y - sizes[*at].1 / 2.0);
        let corners: Vec<_> = part.iter().filter(|(at, _)| *at < sizes.len()).map(corner).collect();
        let least = |of: fn(&(usize, f64, f64)) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
        let (left, upper) = (least(|(_, x, _)| *x), least(|(_, _, y)| *y));
        let mut bottom = top;
        for (at, x, y) in &corners {
            let place = ((x - left).round(), (top + y - upper).round());
            bottom = f64::max(bottom, place.1 + sizes[*at].1);
            places[*at] = place;
        }
        top = bottom + PART_GAP;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::picture::{Arrow, EntityBox, Kind, Row};
    use super::*;

    fn picture(boxes: usize, arrows: &[(usize, usize)]) -> Picture {
        let row = || Row { name: "name".into(), type_name: "Type".into() };
        let arrow = |(from, to): &(usize, usize)| Arrow {
            from: (*from, 0),
            to: (*to, 0),
            kind: Kind::Messages,
            label: String::new(),
        };
        Picture {
            boxes: (0..boxes).map(|at| EntityBox { title: format!("{at}"), rows: vec![row(), row()] }).collect(),
            arrows: arrows.iter().map(arrow).collect(),
        }
    }

    fn are_apart(picture: &Picture) -> Vec<(f64, f64)> {
        let places = places(picture);
        assert_eq!(places.len(), picture.boxes.len());
        for (at, one) in places.iter().enumerate() {
            for (other_at, other) in places.iter().enumerate().take(at) {
                let (size, other_size) = (svg::size(&picture.boxes[at]), svg::size(&picture.boxes[other_at]));
                let beside = one.0 >= other.0 + other_size.0 || other.0 >= one.0 + size.0;
                let below = one.1 >= other.1 + other_size.1 || other.1 >= one.1 + size.1;
                assert!(beside || below, "{at} {one:?} and {other_at} {other:?}");
            }
        }
        places
    }

    #[test]
    fn messages_go_from_left_to_right() {
        let places = are_apart(&picture(4, &[(0, 1), (1, 2)]));
        assert!(places[0].0 < places[1].0 && places[1].0 < places[2].0, "{places:?}");
        assert!(places[3].1 > places[0].1, "what nothing joins stands below: {places:?}");
    }

    #[test]
    fn no_two_boxes_meet() {
        are_apart(&picture(0, &[]));
        are_apart(&picture(1, &[(0, 0)]));
        are_apart(&picture(5, &[]));
        // There and back, and in a circle.
        are_apart(&picture(4, &[(0, 1), (1, 0), (1, 2), (2, 3), (3, 1)]));
        let all: Vec<_> = (0..8).flat_map(|from| (0..8).map(move |to| (from, to))).collect();
        are_apart(&picture(8, &all));
    }
}
