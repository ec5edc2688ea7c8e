//! The macros of Warren's model.
//!
//! | macro | on | makes |
//! | --- | --- | --- |
//! | [`macro@service`] | a trait | the stub that callers use, and the entries of whoever implements it |
//! | [`macro@errors`] | an enum | the error of a service, with its numbers and messages |
//! | [`macro@server`] | a struct | the tables by which a loader finds the server |
//! | [`macro@local`] | a struct | a local server |
//! | [`macro@Required`] | a struct | the requirements of a server |
//!
//! Nothing that they make has to be known to write a server, and nothing of it is named in one.

use proc_macro::TokenStream;

mod arguments;
mod entry;
mod errors;
mod function;
mod lifetimes;
mod local;
mod required;
mod server;
mod service;
mod stub;

/// Makes a trait a service: `#[service(id = 0xf11e_0001)]`, or with `, atomic`.
///
/// Each function takes `cx: &mut Cx<'_, Self>` first (`AtomicCx` if the service is atomic), and returns
/// `Result<T, E>` with an enum under `#[errors]`. It can pass integers and `bool`, `&[u8]`, `&str`,
/// `&mut [u8]`, `Out<'_>`, `&T` with `T: Flat`, and `Ref<'f, dyn Service>`; it can return `()`, an integer or
/// `bool`, a `Flat` structure, or `Ref<'f, dyn Service>` with the `'f` of its context. Callers pass `&mut [u8]` for
/// `Out<'_>`, and references of any frame that is open.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    finish(service::expand(arguments.into(), item.into()))
}

/// Makes an enum the error of a service.
///
/// Each variant has a number from 1 to 0xffff, which is frozen, and a doc comment, which is its message.
/// A variant `System(SystemError)` is added.
#[proc_macro_attribute]
pub fn errors(arguments: TokenStream, item: TokenStream) -> TokenStream {
    finish(errors::expand(arguments.into(), item.into()))
}

/// Makes a struct the root of a server.
///
/// `provides(A, B)` services of the root; `locals(C, D)` local servers; `parameters("x", "y")` names that
/// the server asks `Parameters` for; `stack = 16384` bytes that an entry needs, if it is not that;
/// `concurrent` if activations need not exclude each other; `survives_panics` if a panic is to end only the call that
/// it happens in, which asks for a state that a function may leave anywhere; `summary = "…"` one line, if it is not the first
/// line of the doc comment; `name = "…"` if it is not that of the package.
#[proc_macro_attribute]
pub fn server(arguments: TokenStream, item: TokenStream) -> TokenStream {
    finish(server::expand(arguments.into(), item.into()))
}

/// Makes a struct a local server: `#[local(provides = File, parent = ToyFs)]`.
///
/// The parent is a server that lists it under `locals`, or a local server of such a server.
#[proc_macro_attribute]
pub fn local(arguments: TokenStream, item: TokenStream) -> TokenStream {
    finish(local::expand(arguments.into(), item.into()))
}

/// Makes a struct of `Req<dyn Service>` and `Optional<dyn Service>` the requirements of a server.
#[proc_macro_derive(Required)]
pub fn required(item: TokenStream) -> TokenStream {
    finish(required::expand(item.into()))
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
