//! Two charts over the number of sources, as SVG: processor time per buffer, and memory per source.
//! The figures are left to the benchmarks.
#![allow(dead_code, clippy::unwrap_used)] // One benchmark draws; what cannot be drawn fails it.

use std::path::Path;

use plotters::prelude::*;

/// A line in both charts.
pub struct Line {
    /// For people.
    pub name: &'static str,
    /// Sources, microseconds per buffer, KiB per source.
    pub points: Vec<(f64, f64, f64)>,
}

/// Dark enough on white, and told apart by people who see no red or no green (Okabe and Ito's palette).
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 0, 0),
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(150, 110, 0),
];

/// Draws to a file.
pub fn draw(file: &Path, lines: &[Line]) {
    let area = SVGBackend::new(file, (1_000, 470)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let (charts, names) = area.split_vertically(420);
    legend(&names, lines);
    let (left, right) = charts.split_horizontally(500);
    chart(&left, "CPU per buffer, made and pushed", "µs", 0.1, lines, |point| point.1);
    chart(&right, "Memory per source beside the buffers", "KiB", 1.0, lines, |point| point.2);
    area.present().unwrap();
}

/// What the lines of both charts are, below them, where no line runs.
fn legend(area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, lines: &[Line]) {
    const WIDTH: i32 = 310;
    const HEIGHT: i32 = 20;
    for ((index, line), color) in (0..).zip(lines).zip(COLORS) {
        let (x, y) = (50 + index % 3 * WIDTH, 12 + index / 3 * HEIGHT);
        area.draw(&PathElement::new(vec![(x, y), (x + 24, y)], color.stroke_width(2))).unwrap();
        area.draw(&Circle::new((x + 12, y), 3, color.filled())).unwrap();
        area.draw(&Text::new(line.name, (x + 32, y - 7), ("sans-serif", 14))).unwrap();
    }
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    unit: &str,
    least: f64,
    lines: &[Line],
    value: impl Fn(&(f64, f64, f64)) -> f64,
) {
    let most = lines.iter().flat_map(|line| &line.points).map(&value).fold(least, f64::max);
    let sources = lines.iter().flat_map(|line| &line.points).map(|point| point.0).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d((1.0..sources * 1.2).log_scale(), (least..most * 2.0).log_scale())
        .unwrap();
    let number = |value: &f64| if *value < 1.0 { format!("{value}") } else { format!("{value:.0}") };
    chart
        .configure_mesh()
        .x_desc("sources")
        .y_desc(unit)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .light_line_style(RGBColor(235, 235, 235))
        .draw()
        .unwrap();
    for (line, color) in lines.iter().zip(COLORS) {
        let points: Vec<(f64, f64)> = line.points.iter().map(|point| (point.0, value(point).max(least))).collect();
        chart.draw_series(LineSeries::new(points.clone(), color.stroke_width(2))).unwrap();
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, color.filled()))).unwrap();
    }
}
