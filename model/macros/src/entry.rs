//! The callee's side of a service: functions of words that call what a server implements.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::{
    function::{Function, Outcome, Parameter, Passed},
    service::Service,
};

pub fn expand(service: &Service) -> TokenStream {
    let trait_name = &service.name;
    let entries = service.functions.iter().map(|function| entry(service, function));
    let names = service.functions.iter().map(|function| &function.name);
    quote! {
        #(#entries)*

        // SAFETY: each entry takes what the signature of its function says.
        unsafe impl<__T: #trait_name + ::warren::Object> ::warren::Serves<__T> for dyn #trait_name {
            const ENTRIES: &'static [*const ::core::ffi::c_void] =
                &[#(#names::<__T> as *const ::core::ffi::c_void,)*];
        }
    }
}

fn entry(service: &Service, function: &Function) -> TokenStream {
    let Function { name, outcome, error, .. } = function;
    let trait_name = &service.name;
    let mode = if service.atomic { quote!(Atomic) } else { quote!(Full) };
    let words = function.parameters.iter().map(words);
    let values = function.parameters.iter().map(value);
    let arguments = function.parameters.iter().map(argument);
    let hidden = match outcome {
        Outcome::Structure(it) => quote!(__result: *mut #it),
        _ => quote!(),
    };
    let success = success(outcome);
    quote! {
        #[allow(clippy::too_many_arguments)]
        unsafe extern "C-unwind" fn #name<__T: #trait_name + ::warren::Object>(
            __state: ::core::ptr::NonNull<::core::ffi::c_void>,
            #(#words,)*
            #hidden
        ) -> ::warren::raw::Ret {
            #(#values)*
            // SAFETY: the engine calls an entry with the state of an object of this kind, while the
            // server is locked if it has a lock.
            let mut __cx = unsafe { ::warren::Cx::<__T, ::warren::#mode>::enter(__state) };
            match <__T as #trait_name>::#name(&mut __cx, #(#arguments),*) {
                Ok(__value) => #success,
                Err(__error) => {
                    ::warren::raw::Ret::err(<#error as ::warren::ServiceError>::number(__error))
                }
            }
        }
    }
}

/// The words that a parameter arrives in.
fn words(parameter: &Parameter) -> TokenStream {
    let name = &parameter.name;
    let length = format_ident!("{}_length", name);
    match &parameter.passed {
        Passed::Scalar | Passed::Reference(_) => quote!(#name: u64),
        Passed::Buffer | Passed::Text => quote!(#name: *const u8, #length: usize),
        Passed::BufferMut | Passed::Out => quote!(#name: *mut u8, #length: usize),
        Passed::Structure(structure) => quote!(#name: *const #structure),
    }
}

/// Makes of the words what the server gets.
fn value(parameter: &Parameter) -> TokenStream {
    let Parameter { name, written, .. } = parameter;
    let length = format_ident!("{}_length", name);
    let refuse = |reason: &str| {
        let reason = format_ident!("{reason}");
        quote!(return ::warren::raw::Ret::err(::warren::SystemError::#reason.number());)
    };
    let (argument, reference) = (refuse("BadArgument"), refuse("BadReference"));
    match &parameter.passed {
        Passed::Scalar => quote! {
            let Some(#name) = <#written as ::warren::raw::Scalar>::from_word(#name) else { #argument };
        },
        Passed::Buffer => quote! {
            // SAFETY: the two words are a buffer of this call.
            let #name = unsafe { ::warren::raw::buffer(#name, #length) };
        },
        Passed::Text => quote! {
            // SAFETY: the two words are a buffer of this call.
            let Some(#name) = (unsafe { ::warren::raw::text(#name, #length) }) else { #argument };
        },
        Passed::BufferMut => quote! {
            // SAFETY: the two words are a buffer of this call.
            let #name = unsafe { ::warren::raw::buffer_mut(#name, #length) };
        },
        Passed::Out => quote! {
            // SAFETY: the two words are a buffer of this call.
            let #name = unsafe { ::warren::Out::from_words(#name, #length) };
        },
        Passed::Structure(_) => quote! {
            // SAFETY: the word is a structure of this call.
            let #name = unsafe { ::warren::raw::structure(#name) };
        },
        Passed::Reference(_) => quote! {
            let Some(#name) = ::core::num::NonZero::new(#name) else { #reference };
            // SAFETY: the engine checked that it is a reference to what the signature says, and the caller
            // holds it while the call lasts.
            let #name = unsafe { ::warren::Ref::from_word(#name) };
        },
    }
}

/// What the server's function is called with.
fn argument(parameter: &Parameter) -> TokenStream {
    let name = &parameter.name;
    match parameter.passed {
        Passed::Structure(_) => quote!(&#name),
        _ => quote!(#name),
    }
}

/// Answers a call that succeeded.
fn success(outcome: &Outcome) -> TokenStream {
    match outcome {
        Outcome::Nothing => quote!({
            let () = __value;
            ::warren::raw::Ret::ok(0)
        }),
        Outcome::Scalar(it, _) => {
            quote!(::warren::raw::Ret::ok(<#it as ::warren::raw::Scalar>::to_word(__value)))
        }
        Outcome::Reference(_) => quote!(::warren::raw::Ret::ok(__value.word())),
        Outcome::Structure(_) => quote!({
            // SAFETY: the word is a structure of this call that the callee writes.
            unsafe { ::warren::raw::put_structure(__result, __value) };
            ::warren::raw::Ret::ok(0)
        }),
    }
}
