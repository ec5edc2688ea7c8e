//! Programs that do one thing at once, and show one text of it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::marker::PhantomData;

use serde::Serialize;
use warren::{Cx, Object};

use crate::arguments::{Arguments, UsageError};
use crate::json;
use crate::manual::Manual;
use crate::messages::Reason;
use crate::run::{FAILED, Handed, Work};
use crate::stage::{Flow, Stop};

/// A program in a server `S`, whose requirements it may use; [`Reporting`] makes it [`Work`].
pub trait Report<S>: Sized {
    /// How it is used.
    const MANUAL: Manual;

    /// Reads the arguments.
    fn start(arguments: Vec<String>) -> Result<Self, UsageError>;
    /// Does what the program is for: all that there is to be shown of it, in whole lines, or nothing.
    fn text(&self, cx: &mut Cx<'_, S>, handed: &Handed) -> Result<String, Trouble>;
}

/// Why there is nothing to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Something failed: what the person is told.
    Failed(String),
    /// The run is over.
    Stopped(Stop),
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        Trouble::Stopped(stop)
    }
}

/// A result whose error becomes [`Trouble`].
pub trait About<T> {
    /// Says what there is trouble with.
    ///
    /// # Errors
    ///
    /// The error, as the person is told of it.
    fn about(self, subject: &str) -> Result<T, Trouble>;
}

impl<T, E: Into<Reason>> About<T> for Result<T, E> {
    fn about(self, subject: &str) -> Result<T, Trouble> {
        self.map_err(|error| {
            let Reason(reason) = error.into();
            Trouble::Failed(format!("{subject}: {reason}"))
        })
    }
}

/// An entry of what a program in a server `S` lists: in columns, or with `-j` as JSON.
pub trait List<S>: Serialize + Sized {
    /// How the program is used; its arguments are `[-j]`.
    const MANUAL: Manual;

    /// All entries.
    fn all(cx: &mut Cx<'_, S>) -> Result<Vec<Self>, Trouble>;
    /// They in columns.
    fn table(all: &[Self]) -> String;
}

/// A list as a report.
pub struct Listing<L> {
    json: bool,
    of: PhantomData<L>,
}

impl<S, L: List<S>> Report<S> for Listing<L> {
    const MANUAL: Manual = L::MANUAL;

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        let arguments = Arguments::parse(arguments, "j", "")?;
        let json = arguments.has('j');
        arguments.none()?;
        Ok(Listing { json, of: PhantomData })
    }

    fn text(&self, cx: &mut Cx<'_, S>, _handed: &Handed) -> Result<String, Trouble> {
        let all = L::all(cx)?;
        Ok(if self.json { json::lines(&all) } else { L::table(&all) })
    }
}

/// A report as work.
pub struct Reporting<R>(R);

impl<S: Object, R: Report<S>> Work<S> for Reporting<R> {
    const MANUAL: Manual = R::MANUAL;

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        R::start(arguments).map(Reporting)
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, S>,
        handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        match self.0.text(cx, handed) {
            Ok(text) => {
                output.extend(text.bytes());
                Ok(Flow::End(0))
            }
            Err(Trouble::Failed(trouble)) => {
                handed.complain(cx, &trouble)?;
                Ok(Flow::End(FAILED))
            }
            Err(Trouble::Stopped(stop)) => Err(stop),
        }
    }
}
