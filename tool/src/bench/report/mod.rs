//! The report: one page with all rows, the placement ladder, and plots, made of the rows alone.
//!
//! The page carries its rows as JSON, too, and the same lines lie in a file beside it.

mod plot;

use std::{fs, path::Path};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::plot::{Bar, Line};
use super::{
    host, ladder,
    limits::LIMITS,
    references::{self, Reference},
    row::{Measure, Row, Unit},
};
use crate::{
    failure::{Outcome, While},
    project::Project,
};

/// Names of the files in the report's folder.
const PAGE: &str = "index.html";
const ROWS: &str = "rows.jsonl";
const STYLE: &str = include_str!("style.css");

/// What stands at the top of the page.
const METHOD: &str = "Where the unit is the guest instruction, QEMU counts what the guest executes (-icount shift=0), and \
    the guest's time-stamp counter is that count; each run checks it against a loop of known length. A loaded host \
    changes nothing. Copies count one instruction for each eight bytes, and both guests copy in that way. The loop around \
    what is measured is taken off. Of the tries in a run the shortest counts, of several runs the median; the spread is \
    the least and the greatest run. Ratios are ours over theirs: below 1 Warren needs less. Instructions are not cycles, and a \
    ratio of instructions is no ratio of times.";

/// Writes the report into a folder, which is made if need be.
pub fn write(project: &Project, folder: &Path, rows: &[Row]) -> Outcome {
    let when = || format!("cannot write the report to `{}`", folder.display());
    fs::create_dir_all(folder).when(when)?;
    let lines: Vec<String> = json(rows);
    let page = page(&host::facts(project), &references::read(project)?, rows)?;
    fs::write(folder.join(ROWS), lines.concat()).when(when)?;
    fs::write(folder.join(PAGE), page.into_string()).when(when)
}

/// The rows as lines of JSON.
fn json(rows: &[Row]) -> Vec<String> {
    rows.iter().flat_map(Row::json).map(|row| format!("{row}\n")).collect()
}

fn page(facts: &[(&str, String)], references: &[Reference], rows: &[Row]) -> Outcome<Markup> {
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Warren in numbers" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Warren in numbers" }
                p { (METHOD) }
                table class="facts" {
                    @for (name, value) in facts { tr { th { (name) } td { (value) } } }
                }
                (the_ladder(rows)?)
                (over_size(rows)?)
                (over_clients(rows)?)
                (promises(rows))
                (all_rows(rows))
                (elsewhere(references))
                (methods(rows))
                script type="application/x-ndjson" id="rows" {
                    (PreEscaped(json(rows).concat().replace('<', "\\u003c")))
                }
            }
        }
    })
}

fn the_ladder(rows: &[Row]) -> Outcome<Markup> {
    let steps = ladder::steps(rows);
    let bar = |step: &ladder::Step| {
        let row = rows.iter().find(|row| row.name == step.row)?;
        let measure = row.measured.as_ref().ok().filter(|one| one.unit == Unit::Instructions)?;
        let colour = usize::from(row.name.ends_with("linux"));
        let name = step.what.replace('`', "");
        Some(Bar { name, value: measure.value(), bounds: measure.bounds(), colour })
    };
    let bars: Vec<_> = steps.iter().filter_map(bar).collect();
    if bars.is_empty() {
        return Ok(html! {});
    }
    let plot = plot::bars(Unit::Instructions.name(), &bars)?;
    Ok(html! {
        h2 { "The placement ladder" }
        p { "One call that passes nothing, of one server file, in one placement after the other." }
        figure { (PreEscaped(plot)) }
        table {
            tr { th { "call" } th { "value" } th { "unit" } th { "row" } }
            @for step in &steps {
                tr {
                    td { (step.what) }
                    @match &step.value {
                        Ok((value, unit)) => { td class="number" { (number(*value)) } td { (unit.name()) } },
                        Err(why) => { td class="number" { "–" } td { (why) } },
                    }
                    td { code { (step.row) } }
                }
            }
        }
    })
}

/// What makes a line of a plot: its name, and what stands before and behind the number in the names of its rows.
type Points<'a> = (&'a str, &'a str, &'a str);

/// Cost over bytes.
const OVER_SIZE: [Points<'_>; 5] = [
    ("domain to domain", "calls/in ", "/own-own"),
    ("domain to kernel", "calls/in ", "/own-kernel"),
    ("within the kernel", "calls/in ", "/kernel-kernel"),
    ("pipe of Linux's, there and back", "calls/pipe, ", "/linux"),
    ("Unix socket of Linux's, there and back", "calls/Unix socket, ", "/linux"),
];

/// The longest time until a frame was done, over greedy clients.
const OVER_CLIENTS: [Points<'_>; 7] = [
    ("guarantees, domains", "crosstalk/all done after, ", "/guarantees, own"),
    ("guarantees, kernel", "crosstalk/all done after, ", "/guarantees, kernel"),
    ("round-robin, domains", "crosstalk/all done after, ", "/round-robin, own"),
    ("round-robin, kernel", "crosstalk/all done after, ", "/round-robin, kernel"),
    ("Linux, SCHED_OTHER", "crosstalk/all done after, ", "/linux, SCHED_OTHER"),
    ("Linux, nice -10", "crosstalk/all done after, ", "/linux, SCHED_OTHER, nice -10"),
    ("Linux, SCHED_DEADLINE", "crosstalk/all done after, ", "/linux, SCHED_DEADLINE"),
];

/// The lines that there are rows for.
fn lines(rows: &[Row], of: &[Points<'_>]) -> Vec<Line> {
    let point = |row: &Row, before: &str, behind: &str| {
        let number = row.name.strip_prefix(before)?.strip_suffix(behind)?;
        let across: f64 = number.split(' ').next()?.parse().ok()?;
        let measure = row.measured.as_ref().ok()?;
        let (least, greatest) = measure.bounds();
        // A logarithmic axis has no 0.
        (across > 0.0).then_some((across, measure.value(), least, greatest))
    };
    let line = |&(name, before, behind): &Points<'_>| {
        let points: Vec<_> = rows.iter().filter_map(|row| point(row, before, behind)).collect();
        (!points.is_empty()).then(|| Line { name: name.into(), points })
    };
    of.iter().filter_map(line).collect()
}

fn over_size(rows: &[Row]) -> Outcome<Markup> {
    let lines = lines(rows, &OVER_SIZE);
    if lines.is_empty() {
        return Ok(html! {});
    }
    let plot = plot::lines("bytes in a buffer", Unit::Instructions.name(), &lines)?;
    Ok(html! {
        h2 { "Cost over the size of a buffer" }
        p { "Warren copies a buffer once, into the callee; Linux's pipes and sockets carry the bytes there and back." }
        figure { (PreEscaped(plot)) }
    })
}

fn over_clients(rows: &[Row]) -> Outcome<Markup> {
    let lines = lines(rows, &OVER_CLIENTS);
    if lines.is_empty() {
        return Ok(html! {});
    }
    let plot = plot::lines("greedy clients", Unit::Nanoseconds.name(), &lines)?;
    Ok(html! {
        h2 { "Crosstalk" }
        p {
            "A film of a frame every 40 ms is played beside greedy clients of the same file server: how long after its release a \
             frame was done in the worst case. What is above 40 ms is late."
        }
        figure { (PreEscaped(plot)) }
    })
}

fn promises(rows: &[Row]) -> Markup {
    let kept = |limit: &super::limits::Limit| {
        let measure = rows.iter().find(|row| row.name == limit.name)?.measured.as_ref().ok()?;
        let value = limit.of(measure)?;
        Some((
            value,
            limit.ceiling.is_none_or(|most| value <= most),
            limit.aim.is_none_or(|aim| value <= aim),
        ))
    };
    html! {
        h2 { "Promises" }
        table {
            tr { th { "what" } th { "measured" } th { "at most" } th { "aim" } th { "in" } th { "" } }
            @for limit in LIMITS {
                @if let Some((value, kept, reached)) = kept(limit) {
                    tr {
                        td { (limit.says) }
                        td class="number" { (value) }
                        td class="number" { @if let Some(most) = limit.ceiling { (most) } }
                        td class="number" { @if let Some(aim) = limit.aim { (aim) } }
                        td { (limit.unit()) }
                        td { @if !kept { "broken" } @else if !reached { "aim missed" } @else { "kept" } }
                    }
                }
            }
        }
    }
}

fn all_rows(rows: &[Row]) -> Markup {
    let mut groups: Vec<&str> = rows.iter().map(Row::group).collect();
    groups.dedup();
    html! {
        h2 { "All rows" }
        @for group in groups {
            h3 { (group) }
            table {
                tr { th { "row" } th { "value" } th { "unit" } th { "least to greatest, runs" } th { "beside" } th { "there" } th { "ratio" } }
                @for row in rows.iter().filter(|row| row.group() == group) { (of_row(row)) }
            }
        }
    }
}

fn of_row(row: &Row) -> Markup {
    let objects = row.json();
    let name = row.name.split_once('/').map_or("", |(_, name)| name);
    html! {
        @for (number, object) in objects.iter().enumerate() {
            tr {
                @if number > 0 {
                    td {} td {} td {} td {}
                } @else if let Ok(measure) = &row.measured {
                    (of_measure(name, measure))
                } @else {
                    td { (name) } td class="number" { "–" } td colspan="2" { (object["error"].as_str().unwrap_or_default()) }
                }
                @if let Some(peer) = object["peer"].as_str() {
                    td { (peer) }
                    td class="number" { (object["peer_value"]) }
                    td class="number" { (object["ratio"]) }
                } @else { td {} td {} td {} }
            }
        }
    }
}

fn of_measure(name: &str, measure: &Measure) -> Markup {
    let (least, greatest) = measure.bounds();
    html! {
        td { (name) }
        td class="number" { (number(measure.value())) }
        td { (measure.unit.name()) }
        td class="number" { (number(least)) " to " (number(greatest)) ", " (measure.samples.len()) }
    }
}

/// A number as it stands in the JSON.
fn number(value: f64) -> String {
    serde_json::Value::from(value).to_string()
}

fn elsewhere(references: &[Reference]) -> Markup {
    html! {
        h2 { "Measured elsewhere" }
        p { "Not measured by this command: reference values with their source." }
        @for reference in references {
            h3 { (reference.title) }
            p { (reference.source) "." }
            p { (reference.caution) }
            table {
                tr { th { "case" } th { (reference.unit) } }
                @for (name, value) in &reference.rows {
                    tr { td { (name) } td class="number" { (value) } }
                }
            }
        }
    }
}

/// How each kind of row was measured, once each.
fn methods(rows: &[Row]) -> Markup {
    let mut methods: Vec<(&str, &str)> = Vec::new();
    for row in rows {
        if let Ok(measure) = &row.measured {
            let known = methods.iter().any(|(_, method)| *method == measure.method);
            if !known {
                methods.push((&row.name, &measure.method));
            }
        }
    }
    html! {
        h2 { "Methods" }
        table {
            tr { th { "from this row on" } th { "method" } }
            @for (name, method) in methods { tr { td { code { (name) } } td { (method) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::row::Peer, *};

    fn rows() -> Vec<Row> {
        let measure = |value| Measure::new(value, Unit::Instructions, "counted <so>");
        let mut call = Row::new("calls/nothing/own-own", measure(179.002));
        call.peers.push(Peer { name: "linux: pipe".into(), value: 12461.0 });
        vec![
            Row::new("calls/direct/kernel", measure(5.002)),
            call,
            Row::new("calls/in 64/own-own", measure(2289.5)),
            Row::failed("boot/all/demo", "no <machine>"),
        ]
    }

    fn text() -> String {
        page(&[("command", "./warren bench".into())], &[], &rows())
            .unwrap_or_default()
            .into_string()
    }

    #[test]
    fn every_number_of_the_json_stands_on_the_page_as_it_is() {
        let page = text();
        for row in rows().iter().flat_map(Row::json) {
            for key in ["value", "peer_value", "ratio"] {
                let cell = format!("<td class=\"number\">{}</td>", row[key]);
                assert!(row[key].is_null() || page.contains(&cell), "{cell}");
            }
        }
    }

    #[test]
    fn the_page_carries_its_rows_and_says_what_failed() {
        let page = text();
        assert!(page.contains("no &lt;machine&gt;"));
        assert!(page.contains(r#""name":"calls/nothing/own-own""#));
        assert!(!page.contains("counted <so>"));
    }
}
