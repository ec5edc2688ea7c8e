//! What is measured.

use alloc::{format, string::String, vec, vec::Vec};

use warren::{Cx, Ref};
use warren_idl::{Counter, Echo, EchoError, FileError, Hub};

use crate::{
    Run, calibrate, life,
    measure::{Base, Effort, round},
    output::{Failure, Name, calibration, parameter, row},
};

/// Ticks for a thousand instructions where the processor counts instructions.
const EXACT: u64 = 1000;
/// Tries where the processor counts instructions: only an interrupt makes a difference.
const TRIES_IF_EXACT: u64 = 3;
/// Tries elsewhere, where whatever else the processor does makes one.
const TRIES: u64 = 200;
/// Ticks after which there is no further try there: what takes so long is not measured to the tick.
const PATIENCE: u64 = 200_000_000;
/// Rounds where the parameter `rounds` does not say.
const ROUNDS: u64 = 1000;
/// Sizes of buffers.
const SIZES: [usize; 6] = [0, 64, 256, 1024, 4096, 16384];
/// The largest of them.
const LARGEST: usize = 16384;
/// The file that is read where the parameter `file` does not say.
const FILE: &str = "/docs/ARCHITECTURE.md";

/// Measures everything that is connected.
pub fn all(cx: &mut Cx<'_, Run>, output: &mut Vec<u8>) -> Result<(), Failure> {
    let here = parameter(cx, "here").unwrap_or_else(|| String::from("here"));
    let rounds = parameter(cx, "rounds").and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let ticks = calibrate::ticks_for_a_thousand();
    let (tries, patience) =
        if ticks == EXACT { (TRIES_IF_EXACT, u64::MAX) } else { (TRIES, PATIENCE) };
    let effort = Effort { rounds, tries, patience };
    let base = Base::measure(cx, effort)?;
    output.extend(calibration(&here, ticks, base).bytes());
    let mut rows = Rows { here: &here, effort, base, output };
    rows.plain();
    let needs = cx.req();
    let targets = [
        ("kernel", &needs.kernel, &needs.kernel_hub, &needs.kernel_counter),
        ("own", &needs.own, &needs.own_hub, &needs.own_counter),
        ("near", &needs.near, &needs.near_hub, &needs.near_counter),
    ];
    for (name, echo, hub, counter) in targets {
        if let Some(echo) = echo.get() {
            cx.scope(|cx| rows.values(cx, name, echo.as_ref()))?;
            cx.scope(|cx| rows.buffers(cx, name, echo.as_ref()))?;
        }
        if let Some(hub) = hub.get() {
            cx.scope(|cx| rows.references(cx, name, hub.as_ref()))?;
        }
        if let Some(counter) = counter.get() {
            cx.scope(|cx| rows.atomic(cx, name, counter.as_ref()))?;
        }
    }
    if let Some(concurrent) = needs.concurrent.get() {
        cx.scope(|cx| rows.values(cx, "concurrent", concurrent.as_ref()))?;
    }
    rows.file(cx)?;
    life::all(cx, &mut rows)
}

/// The rows of one run of the benchmark.
pub struct Rows<'a> {
    here: &'a str,
    effort: Effort,
    base: Base,
    output: &'a mut Vec<u8>,
}

impl Rows<'_> {
    fn row<'f>(
        &mut self,
        cx: &mut Cx<'f, Run>,
        [group, to, what]: [&str; 3],
        work: impl FnMut(&mut Cx<'f, Run>) -> Result<(), EchoError>,
    ) -> Result<(), Failure> {
        let measured = round(cx, self.effort, work)?;
        self.add([group, to, what], measured);
        Ok(())
    }

    /// Adds a row of something that was measured: thousandths of a tick for one round of a loop.
    pub fn add(&mut self, [group, to, what]: [&str; 3], measured: u64) {
        let line = row(Name { group, from: self.here, to, what }, measured, self.base);
        self.output.extend(line.bytes());
    }

    /// How something long is measured: in few rounds.
    pub fn seldom(&self) -> Effort {
        let Effort { rounds, tries, patience } = self.effort;
        Effort { rounds: rounds.div_ceil(20), tries: tries.div_ceil(20), patience }
    }

    /// Calls that leave no server.
    fn plain(&mut self) {
        let Base { plain, direct, dynamic, .. } = self.base;
        for (what, measured) in [("direct", direct), ("indirect", plain), ("dyn", dynamic)] {
            self.add(["calls", "itself", what], measured);
        }
    }

    fn values<'f>(
        &mut self,
        cx: &mut Cx<'f, Run>,
        to: &str,
        echo: Ref<'_, dyn Echo>,
    ) -> Result<(), Failure> {
        self.row(cx, ["calls", to, "nothing"], |cx| echo.nothing(cx))?;
        self.row(cx, ["calls", to, "two words"], |cx| echo.add(cx, 1, 2).map(|_| ()))?;
        self.row(cx, ["calls", to, "eleven words"], |cx| {
            echo.many(cx, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).map(|_| ())
        })
    }

    fn buffers<'f>(
        &mut self,
        cx: &mut Cx<'f, Run>,
        to: &str,
        echo: Ref<'_, dyn Echo>,
    ) -> Result<(), Failure> {
        let mut bytes = vec![1; LARGEST];
        for size in SIZES {
            let (inward, outward) = (format!("in {size}"), format!("out {size}"));
            let unused = format!("out {size}, nothing written");
            self.row(cx, ["calls", to, &inward], |cx| echo.take(cx, &bytes[..size]))?;
            self.row(cx, ["calls", to, &outward], |cx| echo.give(cx, &mut bytes[..size]))?;
            self.row(cx, ["calls", to, &unused], |cx| {
                echo.copy(cx, &[], &mut bytes[..size]).map(|_| ())
            })?;
        }
        Ok(())
    }

    fn references<'f>(
        &mut self,
        cx: &mut Cx<'f, Run>,
        to: &str,
        hub: Ref<'_, dyn Hub>,
    ) -> Result<(), Failure> {
        let token = hub.make(cx, 0)?;
        self.row(cx, ["references", to, "temporary reference"], |cx| hub.ignore(cx, token))?;
        self.row(cx, ["references", to, "permanent reference"], |cx| hub.hold(cx, token))?;
        self.row(cx, ["references", to, "reference back"], |cx| {
            cx.scope(|cx| hub.kept(cx).map(|_| ()))
        })?;
        self.row(cx, ["references", to, "local server made and dropped"], |cx| {
            cx.scope(|cx| hub.make(cx, 0).map(|_| ()))
        })?;
        Ok(hub.forget(cx)?)
    }

    fn atomic<'f>(
        &mut self,
        cx: &mut Cx<'f, Run>,
        to: &str,
        counter: Ref<'_, dyn Counter>,
    ) -> Result<(), Failure> {
        self.row(cx, ["calls", to, "atomic"], |_| counter.count(1).map(|_| ()))
    }

    /// Opens a file, reads a page of it, and closes it.
    fn file(&mut self, cx: &mut Cx<'_, Run>) -> Result<(), Failure> {
        let path = parameter(cx, "file").unwrap_or_else(|| String::from(FILE));
        let Some(files) = cx.req().files.get() else { return Ok(()) };
        let mut page = vec![0; 4096];
        let mut once = |cx: &mut Cx<'_, Run>| {
            let read = cx.scope(|cx| files.open(cx, &path)?.read(cx, 0, &mut page));
            read.map(|_| ()).map_err(|error| match error {
                FileError::System(error) => error.into(),
                _ => EchoError::Refused,
            })
        };
        // The first time starts servers and waits for the disk; from then on its blocks are in the cache.
        once(cx)?;
        let measured = round(cx, self.seldom(), once)?;
        self.add(["files", "files", "open, read 4096, close"], measured);
        Ok(())
    }
}
