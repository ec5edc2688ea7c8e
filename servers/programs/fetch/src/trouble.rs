//! Why a document does not come, in front of a person.

use alloc::string::String;
use core::fmt;

use warren::SystemError;
use warren_idl::{ResolverError, TcpError, TimeError};
use warren_program::Stop;
use warren_web::{response::BadResponse, url::UrlError};

/// Why a document does not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The run is over.
    Stop,
    /// The name leads nowhere.
    Resolver(ResolverError),
    /// The connection did not come, or broke.
    Tcp(TcpError),
    /// The other side said nothing for too long, or all of it takes too long.
    TimedOut,
    /// What was answered is no answer.
    Response(BadResponse),
    /// One place leads to another, and that to the next, and so on.
    TooManyRedirects,
    /// The server says that it is elsewhere, but not where.
    Redirect(UrlError),
    /// The server has answered that there is none: number and words.
    Refused(u16, String),
}

/// Exit status when nothing, or not all of it, came.
const FAILED: u8 = 1;
/// Exit status when the server has answered that there is none.
const REFUSED: u8 = 3;

impl Trouble {
    /// The program's exit status.
    pub fn status(&self) -> u8 {
        match self {
            Trouble::Refused(..) | Trouble::TooManyRedirects | Trouble::Redirect(_) => REFUSED,
            _ => FAILED,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Stop => f.write_str("stopped"),
            Trouble::Resolver(error) => f.write_str(error.message()),
            Trouble::Tcp(error) => f.write_str(error.message()),
            Trouble::TimedOut => f.write_str("no answer came in time"),
            Trouble::Response(error) => f.write_str(error.message()),
            Trouble::TooManyRedirects => f.write_str("one redirection leads to the next"),
            Trouble::Redirect(error) => {
                write!(f, "the redirection leads nowhere: {}", error.message())
            }
            Trouble::Refused(status, reason) => write!(f, "{status} {}", visible(reason)),
        }
    }
}

/// What others have written, without what would do something to a terminal.
fn visible(text: &str) -> String {
    text.chars().map(|it| if it == ' ' || it.is_ascii_graphic() { it } else { '?' }).collect()
}

impl From<Stop> for Trouble {
    fn from(_: Stop) -> Self {
        Trouble::Stop
    }
}

impl From<BadResponse> for Trouble {
    fn from(error: BadResponse) -> Self {
        Trouble::Response(error)
    }
}

impl From<ResolverError> for Trouble {
    fn from(error: ResolverError) -> Self {
        match error {
            ResolverError::System(error) => error.into(),
            error => Trouble::Resolver(error),
        }
    }
}

impl From<TcpError> for Trouble {
    fn from(error: TcpError) -> Self {
        match error {
            TcpError::System(error) => error.into(),
            error => Trouble::Tcp(error),
        }
    }
}

impl From<TimeError> for Trouble {
    fn from(error: TimeError) -> Self {
        match error {
            TimeError::System(error) => error.into(),
            _ => SystemError::Lost.into(),
        }
    }
}

impl From<SystemError> for Trouble {
    fn from(error: SystemError) -> Self {
        match error {
            SystemError::Killed | SystemError::Deadline => Trouble::Stop,
            error => Trouble::Tcp(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn what_a_server_calls_it_does_nothing_to_a_terminal() {
        let refused = Trouble::Refused(404, "Not\x1b[2J Found".into());
        assert_eq!(refused.to_string(), "404 Not?[2J Found");
        assert_eq!(refused.status(), REFUSED);
    }

    #[test]
    fn trouble_on_the_way_is_another_status() {
        for trouble in [Trouble::TimedOut, TcpError::Refused.into(), ResolverError::NotFound.into()]
        {
            assert_eq!(trouble.status(), FAILED, "{trouble}");
        }
    }
}
