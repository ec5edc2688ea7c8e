//! What tools are shown of structures: the names of fields, and their values.

use crate::{
    AccountStatus, Address, ConnectionStatus, ListenerStatus, SystemTime, TcpCounts, UdpCounts,
    UdpSocketStatus,
};

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownValue {
    /// A number.
    Number(u64),
    /// The address of a station, which is shown as text.
    Station(Address),
}

impl From<u16> for ShownValue {
    fn from(number: u16) -> Self {
        ShownValue::Number(number.into())
    }
}

impl From<u32> for ShownValue {
    fn from(number: u32) -> Self {
        ShownValue::Number(number.into())
    }
}

impl From<u64> for ShownValue {
    fn from(number: u64) -> Self {
        ShownValue::Number(number)
    }
}

impl From<Address> for ShownValue {
    fn from(address: Address) -> Self {
        ShownValue::Station(address)
    }
}

/// A structure of which tools are shown fields.
pub trait Shown {
    /// Each of these fields: its name and its value.
    fn fields(&self) -> impl Iterator<Item = (&'static str, ShownValue)>;
}

impl<T: Shown> Shown for &T {
    fn fields(&self) -> impl Iterator<Item = (&'static str, ShownValue)> {
        (*self).fields()
    }
}

macro_rules! shown {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:ident) => { stringify!($name) };
    ($type:ident { $($field:ident $(as $name:ident)?),* }) => {
        impl Shown for $type {
            fn fields(&self) -> impl Iterator<Item = (&'static str, ShownValue)> {
                [$((shown!(@name $field $($name)?), self.$field.into())),*].into_iter()
            }
        }
    };
}

shown!(AccountStatus {
    parent,
    used_ns,
    helped_ns,
    memory_bytes,
    memory_limit,
    slice_ns,
    period_ns,
    threads,
    thread_limit,
    objects,
    object_limit,
    references,
    reference_limit
});
shown!(SystemTime { elapsed_ns, idle_ns });
shown!(ListenerStatus { port as local_port, principal, waiting, connections, cookies, dropped });
shown!(ConnectionStatus {
    local,
    local_port,
    remote,
    remote_port,
    principal,
    received_bytes,
    unread_bytes,
    sent_bytes,
    unsent_bytes,
    resent_bytes,
    round_trip_ns,
    congestion_bytes,
    segment_bytes
});
shown!(TcpCounts { received, bad, unknown, dropped, sent, unsent, resets, connections });
shown!(UdpSocketStatus { port as local_port, received, waiting, dropped, sent });
shown!(UdpCounts { received, bad, unknown, dropped, sent });
