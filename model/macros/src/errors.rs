//! `#[errors]`: the error of a service.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, Fields, ItemEnum, Lit, Result};

use crate::arguments::{Arguments, documentation};

/// First number that is not a service's own.
const SYSTEM_ERRORS: u64 = warren_abi::call::SYSTEM_ERRORS;

pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    Arguments::parse(arguments)?.finish()?;
    let mut item: ItemEnum = syn::parse2(item)?;
    if !item.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(&item.generics, "an error has no parameters"));
    }
    let mut numbers = Vec::new();
    let mut messages = Vec::new();
    for variant in &mut item.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(&variant.fields, "only the number travels"));
        }
        let number = number(variant)?;
        if numbers.contains(&number) {
            return Err(syn::Error::new_spanned(&*variant, "the number is used twice"));
        }
        numbers.push(number);
        messages.push(message(variant)?);
        variant.discriminant = None;
    }
    let names: Vec<_> = item.variants.iter().map(|variant| variant.ident.clone()).collect();
    let (attributes, visibility, name) = (&item.attrs, &item.vis, &item.ident);
    let variants = &item.variants;
    let trailing = (!variants.is_empty() && !variants.trailing_punct()).then(|| quote!(,));
    Ok(quote! {
        #(#attributes)*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #visibility enum #name {
            #variants #trailing
            /// The error comes from the system and not from the server.
            System(::warren::SystemError),
        }

        impl #name {
            /// The number that travels. Frozen.
            #visibility const fn number(self) -> u64 {
                match self {
                    #(#name::#names => #numbers,)*
                    #name::System(error) => error.number(),
                }
            }

            /// The error with this number.
            #visibility fn from_number(number: u64) -> Self {
                match number {
                    #(#numbers => #name::#names,)*
                    number => #name::System(::warren::ServiceError::from_number(number)),
                }
            }

            /// One line for people.
            #visibility const fn message(self) -> &'static str {
                match self {
                    #(#name::#names => #messages,)*
                    #name::System(error) => error.message(),
                }
            }
        }

        impl ::core::fmt::Display for #name {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.write_str(self.message())
            }
        }

        impl ::core::error::Error for #name {}

        impl ::core::convert::From<::warren::SystemError> for #name {
            fn from(error: ::warren::SystemError) -> Self {
                #name::System(error)
            }
        }

        impl ::warren::ServiceError for #name {
            fn number(self) -> u64 {
                #name::number(self)
            }
            fn from_number(number: u64) -> Self {
                #name::from_number(number)
            }
            fn message(self) -> &'static str {
                #name::message(self)
            }
        }
    })
}

fn number(variant: &syn::Variant) -> Result<u64> {
    let Some((_, value)) = &variant.discriminant else {
        return Err(syn::Error::new_spanned(variant, "an error has a number: `= 1`"));
    };
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => match number.base10_parse() {
            Ok(number @ 1..SYSTEM_ERRORS) => Ok(number),
            _ => Err(syn::Error::new_spanned(value, "the number is not from 1 to 0xffff")),
        },
        _ => Err(syn::Error::new_spanned(value, "the number is not from 1 to 0xffff")),
    }
}

/// The doc comment as one line, without its full stop and its first letter in lower case, as the messages of
/// system errors are.
fn message(variant: &syn::Variant) -> Result<String> {
    let text = documentation(&variant.attrs).collect::<Vec<_>>().join(" ");
    let mut characters = text.trim_end_matches('.').chars();
    match characters.next() {
        Some(first) => Ok(first.to_lowercase().chain(characters).collect()),
        None => Err(syn::Error::new_spanned(variant, "the doc comment is the error's message")),
    }
}
