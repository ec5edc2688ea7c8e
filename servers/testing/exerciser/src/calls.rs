//! Calls that go on: into other servers, back into the first, and too deep.

use warren::{Cx, SystemError};

use crate::{
    Check, Failure, Pair, Run,
    report::{equal, refused},
};

pub const CHECKS: &[Check] = &[
    ("a server is entered again while it calls another", bounce),
    ("a server is entered again while it calls itself", bounce_alone),
    ("calls that nest too deeply are refused, and the servers go on", too_deep),
];

fn bounce<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    for depth in [0, 1, 2, 3, 20] {
        let found = pair.subject.hub.bounce(cx, pair.other.hub, depth)?;
        equal("the number of calls", found, depth.into())?;
    }
    Ok(())
}

fn bounce_alone<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let found = pair.subject.hub.bounce(cx, pair.subject.hub, 10)?;
    equal("the number of calls", found, 10)
}

fn too_deep<'f>(cx: &mut Cx<'f, Run>, pair: Pair<'f>) -> Result<(), Failure> {
    let result = pair.subject.hub.bounce(cx, pair.other.hub, 1000);
    refused("a thousand nested calls", result, SystemError::TooDeep.into())?;
    bounce(cx, pair)
}
