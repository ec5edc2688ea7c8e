//! Services as files know them, and when two files mean the same by one ID.
//!
//! The ID says what is meant, the signatures say what is passed. Both are compared once, when a
//! file is loaded and when it is connected, and never during a call.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::fmt;

use warren_abi::signature::{Call, Malformed, Signature};

/// A signature that owns its text.
///
/// Invariant: [`Signature::parse`] accepted the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SignatureText(Box<str>);

impl SignatureText {
    /// Checks a text completely.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Signature::parse(text).map(Self::from)
    }

    /// The signature.
    pub fn get(&self) -> Signature<'_> {
        Signature::parse(&self.0).expect("the text was checked when it was taken in")
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<Signature<'_>> for SignatureText {
    fn from(signature: Signature<'_>) -> Self {
        SignatureText(signature.text().into())
    }
}

impl fmt::Display for SignatureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SignatureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// One function of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it passes.
    pub signature: SignatureText,
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.signature)
    }
}

/// A service as one file understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its ID.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Whether its calls keep the caller's lock.
    pub atomic: bool,
    /// Its functions, in the order of their indices.
    pub functions: Vec<Function>,
}

/// A call that a file makes, from one of its undefined symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingCall {
    /// ID of the called service.
    pub service: u32,
    /// Name of the called service.
    pub service_name: String,
    /// Whether the caller's lock is kept.
    pub atomic: bool,
    /// Index of the function in the service.
    pub index: u16,
    /// The function.
    pub function: Function,
}

impl From<Call<'_>> for OutgoingCall {
    fn from(call: Call<'_>) -> Self {
        OutgoingCall {
            service: call.service,
            service_name: call.service_name.into(),
            atomic: call.atomic,
            index: call.index,
            function: Function { name: call.function.into(), signature: call.signature.into() },
        }
    }
}

/// How two descriptions of one service ID differ: the first has `one`, the second has `other`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// They give it two names.
    Name {
        /// The first name.
        one: String,
        /// The second name.
        other: String,
    },
    /// It is atomic in one of them only: the first, if `one`.
    Atomic {
        /// Whether the first has it atomic.
        one: bool,
    },
    /// A function differs. `None` where it does not exist.
    Function {
        /// Its index.
        index: usize,
        /// As the first has it.
        one: Option<Function>,
        /// As the second has it.
        other: Option<Function>,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Name { one, other } => write!(f, "it is called `{one}` and `{other}`"),
            Mismatch::Atomic { one: true } => write!(f, "it is atomic in the first only"),
            Mismatch::Atomic { one: false } => write!(f, "it is atomic in the second only"),
            Mismatch::Function { index, one, other } => {
                write!(f, "function {index} is ")?;
                alternative(f, one.as_ref())?;
                write!(f, " and ")?;
                alternative(f, other.as_ref())
            }
        }
    }
}

fn alternative(f: &mut fmt::Formatter<'_>, function: Option<&Function>) -> fmt::Result {
    match function {
        Some(function) => write!(f, "`{function}`"),
        None => write!(f, "missing"),
    }
}

impl Service {
    /// Whether two files mean the same by this ID. The IDs are not compared.
    pub fn agrees(&self, other: &Service) -> Result<(), Mismatch> {
        same_head((&self.name, self.atomic), (&other.name, other.atomic))?;
        for index in 0..self.functions.len().max(other.functions.len()) {
            same_function(index, self.functions.get(index), other.functions.get(index))?;
        }
        Ok(())
    }
}

impl OutgoingCall {
    /// The call's symbol in its file.
    pub fn symbol(&self) -> String {
        let prefix = if self.atomic { "wcalla" } else { "wcall" };
        let OutgoingCall { service, service_name, index, function, .. } = self;
        let Function { name, signature } = function;
        format!("{prefix}.{service:08x}.{index}.{service_name}.{name}.{signature}")
    }

    /// Whether the call is one to this service as it is described. The IDs are not compared.
    pub fn agrees(&self, service: &Service) -> Result<(), Mismatch> {
        same_head((&self.service_name, self.atomic), (&service.name, service.atomic))?;
        let index = usize::from(self.index);
        same_function(index, Some(&self.function), service.functions.get(index))
    }

    /// Whether two calls of the same function of the same service are the same.
    pub(super) fn agrees_with_call(&self, other: &OutgoingCall) -> Result<(), Mismatch> {
        same_head((&self.service_name, self.atomic), (&other.service_name, other.atomic))?;
        same_function(self.index.into(), Some(&self.function), Some(&other.function))
    }
}

fn same_head(one: (&str, bool), other: (&str, bool)) -> Result<(), Mismatch> {
    if one.0 != other.0 {
        return Err(Mismatch::Name { one: one.0.into(), other: other.0.into() });
    }
    if one.1 != other.1 {
        return Err(Mismatch::Atomic { one: one.1 });
    }
    Ok(())
}

fn same_function(
    index: usize,
    one: Option<&Function>,
    other: Option<&Function>,
) -> Result<(), Mismatch> {
    if one == other {
        return Ok(());
    }
    Err(Mismatch::Function { index, one: one.cloned(), other: other.cloned() })
}
