//! The caller's side of a service: its functions as methods on references.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::{
    function::{Function, Outcome, Parameter, Passed, Piece},
    service::Service,
};

pub fn expand(service: &Service) -> TokenStream {
    let Service { stub, visibility, .. } = service;
    let methods = (0..).zip(&service.functions).map(|(index, it)| method(service, index, it));
    let text = format!("The functions of [`{}`] as methods of references.", service.name);
    quote! {
        #[doc = #text]
        #[doc(hidden)]
        #[repr(transparent)]
        #visibility struct #stub<W: ::warren::raw::Word>(W);

        impl<W: ::warren::raw::Word> #stub<W> {
            #(#methods)*
        }
    }
}

fn method(service: &Service, index: u16, function: &Function) -> TokenStream {
    let Function { name, lifetimes, frame, answer, .. } = function;
    let documentation = function.item.attrs.iter().filter(|it| it.path().is_ident("doc"));
    let parameters = function.parameters.iter().map(declared);
    let (generics, context) = if service.atomic {
        (quote!(<#(#lifetimes),*>), quote!())
    } else {
        (quote!(<#(#lifetimes,)* __S>), quote!(_cx: &mut ::warren::Cx<#frame, __S>,))
    };
    let visibility = &service.visibility;
    let body = body(service, index, function);
    quote! {
        #(#documentation)*
        #[inline]
        #[allow(clippy::too_many_arguments)]
        #visibility fn #name #generics(&self, #context #(#parameters),*) -> #answer {
            #body
        }
    }
}

/// A parameter as the caller passes it.
fn declared(parameter: &Parameter) -> TokenStream {
    let Parameter { name, written, .. } = parameter;
    match &parameter.passed {
        Passed::Out => quote!(#name: &mut [u8]),
        // Whoever holds it does so at least until the call returns: it may be of an outer frame.
        Passed::Reference(service) => quote!(#name: ::warren::Ref<'_, #service>),
        _ => quote!(#name: #written),
    }
}

/// Types and values of the words that a parameter becomes.
fn words(parameter: &Parameter) -> (TokenStream, TokenStream) {
    let Parameter { name, written, .. } = parameter;
    match &parameter.passed {
        Passed::Scalar => {
            (quote!(u64), quote!(<#written as ::warren::raw::Scalar>::to_word(#name)))
        }
        Passed::Buffer | Passed::Text => {
            (quote!(*const u8, usize), quote!(#name.as_ptr(), #name.len()))
        }
        Passed::BufferMut | Passed::Out => {
            (quote!(*mut u8, usize), quote!(#name.as_mut_ptr(), #name.len()))
        }
        Passed::Structure(structure) => (quote!(*const #structure), quote!(#name)),
        Passed::Reference(_) => (quote!(u64), quote!(#name.word())),
    }
}

fn body(service: &Service, index: u16, function: &Function) -> TokenStream {
    let (types, values): (Vec<_>, Vec<_>) = function.parameters.iter().map(words).unzip();
    let (hidden_type, hidden_value, hidden) = match &function.outcome {
        Outcome::Structure(it) => (
            quote!(*mut #it),
            quote!(&raw mut __result),
            quote!(let mut __result: #it = ::warren::raw::zeroed();),
        ),
        _ => (quote!(), quote!(), quote!()),
    };
    let (symbol, numbers) = symbol(service, index, function);
    let load = format!("movq {symbol}@GOTPCREL(%rip), {{function}}");
    let error = &function.error;
    let result = result(&function.outcome);
    quote! {
        let __function: unsafe extern "C" fn(
            u64, #(#types,)* #hidden_type
        ) -> ::warren::raw::Ret;
        #hidden
        // SAFETY: the loader binds the symbol to a function of this type, and the instruction only
        // loads its address. The assembler completes the name with numbers.
        unsafe {
            ::core::arch::asm!(
                #load,
                function = out(reg) __function,
                #numbers
                options(att_syntax, pure, nomem, nostack, preserves_flags),
            )
        };
        // SAFETY: the word refers to an object that provides this service (contract of `Service`), and the
        // words after it are what the signature says.
        let __ret = unsafe {
            __function(::warren::raw::Word::word(&self.0), #(#values,)* #hidden_value)
        };
        if __ret.error != 0 {
            return Err(<#error as ::warren::ServiceError>::from_number(__ret.error));
        }
        #result
    }
}

/// The symbol as a template, and the operands that complete it.
fn symbol(service: &Service, index: u16, function: &Function) -> (String, TokenStream) {
    let prefix = if service.atomic { "wcalla" } else { "wcall" };
    let Service { id, name, .. } = service;
    let mut template = format!("{prefix}.{id:08x}.{index}.{name}.{}.", function.text());
    let mut operands = TokenStream::new();
    for (at, piece) in function.signature().pieces.into_iter().enumerate() {
        match piece {
            Piece::Text(text) => template.push_str(&text),
            Piece::Number(number) => {
                let operand = format_ident!("n{at}");
                template.push_str(&format!("{{{operand}}}"));
                operands.extend(quote!(#operand = const #number,));
            }
        }
    }
    (template, operands)
}

/// The result of a call that succeeded.
fn result(outcome: &Outcome) -> TokenStream {
    let nonsense = quote!(Err(::warren::SystemError::BadAnswer.into()));
    match outcome {
        Outcome::Nothing => quote!(Ok(())),
        Outcome::Structure(_) => quote!(Ok(__result)),
        Outcome::Scalar(it, _) => quote! {
            match <#it as ::warren::raw::Scalar>::from_word(__ret.value) {
                Some(value) => Ok(value),
                None => #nonsense,
            }
        },
        Outcome::Reference(_) => quote! {
            match ::core::num::NonZero::new(__ret.value) {
                // SAFETY: the engine checked that the answer is a reference to what the signature says,
                // and made it a temporary one of the activation or scope of the context.
                Some(word) => Ok(unsafe { ::warren::Ref::from_word(word) }),
                None => #nonsense,
            }
        },
    }
}
