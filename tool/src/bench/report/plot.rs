//! Plots as SVG that takes the colour of text from the page, so that it can be read in light and dark.

use plotters::prelude::*;

use crate::failure::{Failure, Outcome};

/// Stands for the colour of text until the SVG is done.
const TEXT: RGBColor = RGBColor(1, 2, 3);
const TEXT_IN_SVG: &str = "#010203";
/// Colours that can be told apart on white and on black.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x3b, 0x82, 0xc4),
    RGBColor(0xd9, 0x7a, 0x1f),
    RGBColor(0x4f, 0x9d, 0x55),
    RGBColor(0xb5, 0x5a, 0xa8),
    RGBColor(0xc4, 0x4d, 0x4d),
    RGBColor(0x2a, 0x9d, 0x9d),
    RGBColor(0x8a, 0x8a, 0x3a),
];
const WIDTH: u32 = 860;
const FONT: &str = "sans-serif";

/// A bar: its name, its length, and the least and greatest number of any run.
pub struct Bar {
    /// What it is.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// The spread.
    pub bounds: (f64, f64),
    /// Whose it is: the number of a colour.
    pub colour: usize,
}

/// Horizontal bars over a logarithmic axis, with the spread as a line at the end of each.
pub fn bars(unit: &str, bars: &[Bar]) -> Outcome<String> {
    let longest = bars.iter().map(|bar| bar.bounds.1).fold(10.0, f64::max);
    draw(40 + 30 * bars.len() as u32 + 50, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(310)
            .build_cartesian_2d((1.0..longest * 3.0).log_scale(), 0.0..bars.len() as f64)?;
        let rows = bars.len();
        let name = |at: &f64| {
            let from_top = rows as f64 - at;
            bars.get(from_top.floor() as usize).map_or(String::new(), |bar| bar.name.clone())
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .axis_style(TEXT)
            .bold_line_style(TEXT.mix(0.2))
            .light_line_style(TEXT.mix(0.05))
            .y_labels(0)
            .y_label_formatter(&name)
            .x_label_formatter(&|value| format!("{value:.0}"))
            .x_desc(unit)
            .label_style((FONT, 13).into_font().color(&TEXT))
            .draw()?;
        for (number, bar) in bars.iter().enumerate() {
            let top = (rows - number) as f64 - 0.2;
            let colour = COLOURS[bar.colour % COLOURS.len()];
            let body =
                Rectangle::new([(1.0, top - 0.6), (bar.value.max(1.0), top)], colour.filled());
            chart.draw_series([body])?;
            let spread =
                vec![(bar.bounds.0.max(1.0), top - 0.3), (bar.bounds.1.max(1.0), top - 0.3)];
            chart.draw_series([PathElement::new(spread, TEXT.stroke_width(2))])?;
            let style = (FONT, 13).into_font().color(&TEXT);
            let number = Text::new(
                format!("  {}", bar.value),
                (bar.bounds.1.max(1.0), top - 0.12),
                style.clone(),
            );
            chart.draw_series([number])?;
            let (x, y) = chart.backend_coord(&(1.0, top - 0.3));
            let right = style.pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Right,
                plotters::style::text_anchor::VPos::Center,
            ));
            root.draw(&Text::new(bar.name.clone(), (x - 8, y), right))?;
        }
        Ok(())
    })
}

/// A line: its name, and points with the least and greatest number of any run.
pub struct Line {
    /// What it is.
    pub name: String,
    /// x, y, least, greatest.
    pub points: Vec<(f64, f64, f64, f64)>,
}

/// Lines over logarithmic axes, with the spread as a vertical line at each point.
pub fn lines(across: &str, up: &str, lines: &[Line]) -> Outcome<String> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let widest = points().map(|point| point.0).fold(10.0, f64::max);
    let highest = points().map(|point| point.3).fold(10.0, f64::max);
    let lowest = points().map(|point| point.2).fold(highest, f64::min);
    draw(420, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(90)
            .build_cartesian_2d(
                (1.0..widest * 1.3).log_scale(),
                (lowest / 2.0..highest * 2.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .axis_style(TEXT)
            .bold_line_style(TEXT.mix(0.2))
            .light_line_style(TEXT.mix(0.05))
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .x_desc(across)
            .y_desc(up)
            .label_style((FONT, 13).into_font().color(&TEXT))
            .draw()?;
        for (number, line) in lines.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let path = line.points.iter().map(|point| (point.0, point.1));
            chart
                .draw_series(LineSeries::new(path.clone(), colour.stroke_width(2)))?
                .label(line.name.clone())
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2))
                });
            chart.draw_series(path.map(|point| Circle::new(point, 3, colour.filled())))?;
            let spread = |point: &(f64, f64, f64, f64)| {
                PathElement::new([(point.0, point.2), (point.0, point.3)], TEXT.stroke_width(2))
            };
            chart.draw_series(line.points.iter().map(spread))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::MiddleLeft)
            .label_font((FONT, 13).into_font().color(&TEXT))
            .draw()?;
        Ok(())
    })
}

/// What drawing into a text may answer.
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(
    height: u32,
    paint: impl FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Drawn,
) -> Outcome<String> {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
    let painted = paint(&root).and_then(|()| Ok(root.present()?));
    drop(root);
    painted.map_err(|error| Failure::new(format!("cannot plot: {error}")))?;
    Ok(svg.replace(TEXT_IN_SVG, "currentColor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_takes_its_colour_of_text_from_the_page() {
        let bar = Bar { name: "a call".into(), value: 60.0, bounds: (60.0, 61.0), colour: 0 };
        let svg = bars("guest instructions", &[bar]).unwrap_or_default();
        assert!(svg.contains("a call") && svg.contains("currentColor"));
        assert!(!svg.contains(TEXT_IN_SVG) && !svg.contains("#000000"));
    }

    #[test]
    fn lines_are_named() {
        let line =
            Line { name: "pipe".into(), points: vec![(1.0, 5.0, 5.0, 5.0), (64.0, 9.0, 8.0, 9.0)] };
        assert!(lines("bytes", "instructions", &[line]).is_ok_and(|svg| svg.contains("pipe")));
    }
}
