//! What name servers have said of one name so far, of each kind of address.
//!
//! Pure. Whoever asks goes on with the next server as long as there is no [`Answers::result`] to go by.

use alloc::vec::Vec;
use core::time::Duration;

use warren_idl::{Address, ResolverError};

use crate::message::{Answer, Kind};

/// All questions.
const KINDS: [Kind; 2] = [Kind::Ipv4, Kind::Ipv6];

/// What was answered to each question.
#[derive(Debug, Default)]
pub struct Answers([Option<Answer>; KINDS.len()]);

/// The addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// They.
    pub addresses: Vec<Address>,
    /// For how long they are good; nothing if there may be others, of which no server has said anything.
    pub time: Option<Duration>,
}

impl Answers {
    /// What the next server is to be asked: what none has known yet. That one has failed counts no more.
    pub fn open(&mut self) -> Vec<Kind> {
        for answer in &mut self.0 {
            answer.take_if(|answer| *answer == Answer::Failed);
        }
        KINDS.into_iter().filter(|kind| self.0[*kind as usize].is_none()).collect()
    }

    /// Notes an answer to a question that is open.
    pub fn hear(&mut self, kind: Kind, answer: Answer) {
        self.0[kind as usize] = Some(answer);
    }

    /// Whether there is an answer to each question.
    pub fn are_all(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// What is known.
    ///
    /// # Errors
    ///
    /// `NotFound`, if that is what servers say; otherwise another one may know more.
    pub fn result(&self) -> Result<Found, ResolverError> {
        let answers = self.0.iter().flatten();
        let known = answers.clone().filter(|answer| **answer != Answer::Failed).count();
        let (mut addresses, mut time) = (Vec::new(), Duration::MAX);
        for answer in answers.clone() {
            if let Answer::Addresses(some, good) = answer {
                addresses.extend(some);
                time = time.min(*good);
            }
        }
        match answers.count() {
            _ if !addresses.is_empty() => {
                let time = (known == KINDS.len()).then_some(time);
                Ok(Found { addresses, time })
            }
            _ if known == KINDS.len() => Err(ResolverError::NotFound),
            answered if answered > known => Err(ResolverError::Failed),
            _ => Err(ResolverError::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const FOUR: Address = Address::v4(1);
    const SIX: Address = Address::new(0x2001 << 112 | 1);

    fn addresses(address: Address, seconds: u64) -> Answer {
        Answer::Addresses(vec![address], Duration::from_secs(seconds))
    }

    /// What is known when servers have said this of addresses of IPv4, and this of those of IPv6.
    fn result(four: Option<Answer>, six: Option<Answer>) -> Result<Found, ResolverError> {
        Answers([four, six]).result()
    }

    #[test]
    fn addresses_of_both_kinds_are_known_together() {
        let both = result(Some(addresses(FOUR, 60)), Some(addresses(SIX, 20)));
        let time = Some(Duration::from_secs(20));
        assert_eq!(both, Ok(Found { addresses: vec![FOUR, SIX], time }));
        let one = result(Some(Answer::NotFound), Some(addresses(SIX, 20)));
        assert_eq!(one, Ok(Found { addresses: vec![SIX], time }));
    }

    #[test]
    fn what_is_not_all_is_used_but_not_for_long() {
        let expected = Ok(Found { addresses: vec![FOUR], time: None });
        assert_eq!(result(Some(addresses(FOUR, 60)), None), expected);
        assert_eq!(result(Some(addresses(FOUR, 60)), Some(Answer::Failed)), expected);
    }

    #[test]
    fn a_name_without_addresses_is_none_of_which_nobody_knows() {
        let not_found = || Some(Answer::NotFound);
        assert_eq!(result(not_found(), not_found()), Err(ResolverError::NotFound));
        assert_eq!(result(not_found(), Some(Answer::Failed)), Err(ResolverError::Failed));
        assert_eq!(result(not_found(), None), Err(ResolverError::TimedOut));
        assert_eq!(result(None, None), Err(ResolverError::TimedOut));
    }

    #[test]
    fn the_next_server_is_asked_what_none_has_known() {
        let mut answers = Answers::default();
        assert_eq!(answers.open(), KINDS);
        answers.hear(Kind::Ipv4, Answer::NotFound);
        answers.hear(Kind::Ipv6, Answer::Failed);
        assert!(answers.are_all());
        assert_eq!(answers.open(), [Kind::Ipv6]);
        assert!(!answers.are_all());
    }
}
