//! `Clock` and `Timer`.

use warren::Service;
use warren_abi::call::Ret;
use warren_idl::{Clock, Timer};

use super::{
    add,
    glue::{entries, kind},
};
use crate::{
    cpu::{clock, interrupts},
    threads,
};

pub fn install() {
    add(<dyn Clock>::ID, kind::<dyn Clock>(entries![now_ns], None));
    add(<dyn Timer>::ID, kind::<dyn Timer>(entries![sleep], None));
}

extern "C" fn now_ns(_: u64) -> Ret {
    Ret::ok(clock::now_ns())
}

extern "C" fn sleep(_: u64, duration_ns: u64) -> Ret {
    let until = clock::now_ns().saturating_add(duration_ns);
    while clock::now_ns() < until {
        interrupts::off(|| threads::block(until));
    }
    Ret::ok(0)
}
