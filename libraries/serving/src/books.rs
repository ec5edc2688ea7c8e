//! Who sits where, from where they come, and until when they may wait.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use warren_idl::Address;

/// How many conversations there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In all.
    pub all: usize,
    /// With one station.
    pub each: usize,
}

/// A conversation's place.
pub type Seat = usize;

/// Who sits where.
#[derive(Debug)]
pub struct Books {
    limits: Limits,
    seats: Vec<Option<Guest>>,
    free: Vec<Seat>,
    /// How many come from each station.
    stations: BTreeMap<Address, usize>,
    /// Until when whom may wait. A deadline that moves back is left where it is: whoever comes to it finds that it is too early, and puts it where it belongs.
    deadlines: BTreeSet<(u64, Seat)>,
}

#[derive(Clone, Copy, Debug)]
struct Guest {
    station: Address,
    until_ns: u64,
    /// Where it stands among the deadlines.
    noted_ns: Option<u64>,
}

impl Books {
    /// Nobody is there.
    pub fn new(limits: Limits) -> Self {
        Books {
            limits,
            seats: Vec::new(),
            free: Vec::new(),
            stations: BTreeMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// A place for somebody from this station, if there may be another one.
    pub fn sit_down(&mut self, station: Address) -> Option<Seat> {
        let taken = self.seats.len() - self.free.len();
        let from_there = self.stations.entry(station).or_default();
        if taken >= self.limits.all || *from_there >= self.limits.each {
            return None;
        }
        *from_there += 1;
        let guest = Some(Guest { station, until_ns: u64::MAX, noted_ns: None });
        Some(match self.free.pop() {
            Some(seat) => {
                self.seats[seat] = guest;
                seat
            }
            None => {
                self.seats.push(guest);
                self.seats.len() - 1
            }
        })
    }

    /// Somebody waits, but not for longer than this.
    pub fn wait(&mut self, seat: Seat, until_ns: u64) {
        let Some(Some(guest)) = self.seats.get_mut(seat) else { return };
        guest.until_ns = until_ns;
        if guest.noted_ns.is_none_or(|noted_ns| noted_ns > until_ns) {
            if let Some(noted_ns) = guest.noted_ns.replace(until_ns) {
                self.deadlines.remove(&(noted_ns, seat));
            }
            self.deadlines.insert((until_ns, seat));
        }
    }

    /// Somebody leaves.
    pub fn stand_up(&mut self, seat: Seat) {
        let Some(guest) = self.seats.get_mut(seat).and_then(Option::take) else { return };
        self.free.push(seat);
        if let Some(noted_ns) = guest.noted_ns {
            self.deadlines.remove(&(noted_ns, seat));
        }
        if let Some(from_there) = self.stations.get_mut(&guest.station) {
            *from_there -= 1;
            if *from_there == 0 {
                self.stations.remove(&guest.station);
            }
        }
    }

    /// When the first one may have waited too long.
    pub fn next_ns(&self) -> Option<u64> {
        self.deadlines.first().map(|(until_ns, _)| *until_ns)
    }

    /// Somebody who has waited too long.
    pub fn overdue(&mut self, now_ns: u64) -> Option<Seat> {
        loop {
            let (noted_ns, seat) =
                *self.deadlines.first().filter(|(noted_ns, _)| *noted_ns <= now_ns)?;
            let guest = self.seats.get_mut(seat)?.as_mut()?;
            if guest.until_ns <= now_ns {
                return Some(seat);
            }
            guest.noted_ns = Some(guest.until_ns);
            self.deadlines.remove(&(noted_ns, seat));
            self.deadlines.insert((guest.until_ns, seat));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places() {
        let mut books = Books::new(Limits { all: 3, each: 2 });
        let first = books.sit_down(Address::v4(7)).unwrap();
        assert!(
            books.sit_down(Address::v4(7)).is_some() && books.sit_down(Address::v4(7)).is_none()
        );
        assert!(
            books.sit_down(Address::v4(8)).is_some() && books.sit_down(Address::v4(9)).is_none()
        );
        books.stand_up(first);
        assert_eq!(books.sit_down(Address::v4(9)), Some(first));
    }

    #[test]
    fn who_waits_too_long_is_found_first() {
        let mut books = Books::new(Limits { all: 10, each: 10 });
        let seats: Vec<Seat> = (0..3).map(|_| books.sit_down(Address::v4(1)).unwrap()).collect();
        for (seat, until_ns) in seats.iter().zip([30, 10, 20]) {
            books.wait(*seat, until_ns);
        }
        assert_eq!((books.next_ns(), books.overdue(9)), (Some(10), None));
        assert_eq!(books.overdue(10), Some(seats[1]));
        books.wait(seats[1], 40);
        assert_eq!((books.next_ns(), books.overdue(10)), (Some(10), None), "it has moved back");
        assert_eq!(books.next_ns(), Some(20));
        books.wait(seats[1], 15);
        assert_eq!((books.next_ns(), books.overdue(19)), (Some(15), Some(seats[1])));
        books.stand_up(seats[1]);
        books.stand_up(seats[2]);
        books.stand_up(seats[2]);
        assert_eq!(books.next_ns(), Some(30));
    }
}
