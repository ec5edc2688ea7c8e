//! Programs that show one text.

use alloc::string::String;
use alloc::vec::Vec;
use core::marker::PhantomData;

use warren::{Cx, Object};

use crate::arguments::{Arguments, UsageError};
use crate::manual::Manual;
use crate::run::{Handed, Work};
use crate::stage::{Flow, Stop};

/// What a server `S` says of itself.
pub trait Report<S> {
    /// What the manual says besides.
    const DETAILS: &'static str;

    /// The whole text.
    fn text(cx: &mut Cx<'_, S>) -> String;
}

/// A program that shows a report, and takes no arguments.
pub struct Reporting<R>(PhantomData<R>);

impl<S: Object, R: Report<S>> Work<S> for Reporting<R> {
    const MANUAL: Manual = Manual { usage: "", details: R::DETAILS };

    fn start(arguments: Vec<String>) -> Result<Self, UsageError> {
        Arguments::parse(arguments, "", "")?.none()?;
        Ok(Reporting(PhantomData))
    }

    fn pull(
        &mut self,
        cx: &mut Cx<'_, S>,
        _handed: &mut Handed,
        output: &mut Vec<u8>,
    ) -> Result<Flow, Stop> {
        output.extend(R::text(cx).bytes());
        Ok(Flow::End(0))
    }
}
