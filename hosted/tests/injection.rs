//! Faults on purpose, as `SystemControl` makes them.

mod support;

use support::{Make, Server, State, VALUES, call};
use warren_abi::call::{Ret, SystemError};
use warren_engine::{
    injection::{self, Fault},
    instance::Life,
};
use warren_hosted::Hosted;

const SLICE_NS: u64 = 1_000_000;
const LOST: u64 = SystemError::Lost as u64;

extern "C" fn add(_: &State, first: u64, second: u64) -> Ret {
    Ret::ok(first + second)
}

extern "C" fn try_it(state: &State, first: u64, second: u64) -> Ret {
    Ret::ok(call(state, 0, state.words[0].get(), first, second).error)
}

/// A server that will fail, and a client that calls it.
fn armed(fault: &str) -> (Server, Server) {
    let victim = Server::new(&Make {
        name: "victim",
        root: &[add, add],
        watchdog_ms: 20,
        ..Make::default()
    });
    let client = Server::new(&Make { root: &[try_it], calls: &[(1, VALUES)], ..Make::default() });
    client.state().words[0].set(victim.word());
    let fault = Fault::from_name(fault).expect("the fault has a name");
    assert!(injection::arm::<Hosted>(victim.instance, fault));
    (victim, client)
}

on_a_machine! {
    fn a_server_dies_of_every_fault_that_is_made_on_purpose(SLICE_NS) {
        for fault in ["null", "write", "divide", "panic", "stack", "loop", "privileged"] {
            let (victim, client) = armed(fault);
            assert_eq!(client.call(0, 1, 2), Ret::ok(LOST), "{fault}");
            assert_eq!(victim.instance.life.get(), Life::Buried, "{fault}");
            assert_eq!(client.instance.life.get(), Life::Alive, "{fault}");
        }
    }

    fn a_wild_reference_to_a_system_function_is_refused_once(SLICE_NS) {
        let (victim, client) = armed("reference");
        assert_eq!(client.call(0, 1, 2), Ret::ok(SystemError::BadReference.number()));
        assert_eq!(client.call(0, 1, 2), Ret::ok(0));
        assert_eq!(victim.instance.life.get(), Life::Alive);
    }

    fn a_fault_that_nobody_ran_into_is_replaced_by_the_next(SLICE_NS) {
        let (victim, client) = armed("loop");
        assert!(injection::arm::<Hosted>(victim.instance, Fault::Divide));
        assert_eq!(client.call(0, 1, 2), Ret::ok(LOST));
        let log = support::log();
        assert!(log.iter().any(|line| line.contains("victim: divided by zero")), "{log:?}");
    }

    fn a_server_without_a_call_that_takes_a_buffer_cannot_pass_a_wild_one(SLICE_NS) {
        let victim = Server::new(&Make { root: &[add], ..Make::default() });
        assert!(!injection::arm::<Hosted>(victim.instance, Fault::Buffer));
        assert_eq!(victim.call(0, 1, 2), Ret::ok(3));
    }
}

#[test]
fn an_unknown_fault_has_no_name() {
    assert_eq!(Fault::from_name("sneeze"), None);
}
