//! `#[server]`: the tables by which a loader finds a server.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{ItemStruct, Path, Result};

use crate::arguments::{Arguments, first_line};

/// Bytes of stack that an entry gets if the server does not say.
const STACK_BYTES: u32 = 16 * 1024;

/// What the attribute says.
struct Claims {
    name: String,
    summary: String,
    provides: Vec<Path>,
    locals: Vec<Path>,
    parameters: Vec<String>,
    stack: u32,
    concurrent: bool,
    survives_panics: bool,
}

impl Claims {
    fn parse(arguments: TokenStream, item: &ItemStruct) -> Result<Self> {
        let mut arguments = Arguments::parse(arguments)?;
        let summary = arguments.text("summary")?.or_else(|| first_line(&item.attrs));
        let claims = Claims {
            name: arguments.text("name")?.unwrap_or_else(package_name),
            summary: summary.ok_or_else(|| {
                syn::Error::new_spanned(&item.ident, "a doc comment, or `summary`, is missing")
            })?,
            provides: arguments.paths("provides")?,
            locals: arguments.paths("locals")?,
            parameters: arguments.texts("parameters")?,
            stack: arguments.number("stack")?.unwrap_or(STACK_BYTES),
            concurrent: arguments.word("concurrent")?,
            survives_panics: arguments.word("survives_panics")?,
        };
        arguments.finish()?;
        if claims.provides.is_empty() {
            let text = "`provides(…)` is missing: a server that provides nothing is never called";
            return Err(syn::Error::new(Span::call_site(), text));
        }
        Ok(claims)
    }
}

/// The package's name without the project's.
fn package_name() -> String {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    package.strip_prefix("warren-").unwrap_or(&package).to_owned()
}

pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let item: ItemStruct = syn::parse2(item)?;
    let claims = Claims::parse(arguments, &item)?;
    if !item.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(&item.generics, "a server has no parameters"));
    }
    let traits = traits(&item, &claims);
    let tables = tables(&item, &claims);
    Ok(quote!(#item #traits #tables))
}

/// What the type system knows of the server.
fn traits(item: &ItemStruct, claims: &Claims) -> TokenStream {
    let Claims { provides, locals, concurrent, .. } = claims;
    let name = &item.ident;
    let access = if *concurrent { quote!(Concurrent) } else { quote!(Serial) };
    let shared = concurrent.then(|| {
        quote! {
            const _: () = {
                const fn used_by_several_threads<T: Send + Sync>() {}
                used_by_several_threads::<#name>();
                #(used_by_several_threads::<#locals>();)*
            };
        }
    });
    let root_kinds = 0..provides.len() as u64;
    let local_kinds = provides.len() as u64..;
    quote! {
        // SAFETY: it is its own root, and not a local server.
        unsafe impl ::warren::Object for #name {
            type Root = Self;
            type Access = ::warren::#access;
            const LOCAL: bool = false;
        }
        #(
            // SAFETY: the kinds start with the provided services in this order.
            unsafe impl ::warren::Provides<dyn #provides> for #name {
                const KIND: u64 = #root_kinds;
            }
        )*
        #(
            // SAFETY: the local servers follow in this order; what `concurrent` asks for is asserted.
            unsafe impl ::warren::ListedIn<#name> for #locals {
                const KIND: u64 = #local_kinds;
            }
        )*
        #shared
    }
}

/// What the loader knows of it.
fn tables(item: &ItemStruct, claims: &Claims) -> TokenStream {
    let Claims { name, summary, provides, locals, parameters, stack, survives_panics, .. } = claims;
    let server = &item.ident;
    quote! {
        // SAFETY: the tables are made from the types that they describe.
        unsafe impl ::warren::raw::Tables for #server {
            const KINDS: &'static [::warren::raw::server::Kind] = &[
                #(::warren::raw::root_kind::<#server, dyn #provides>(),)*
                #(::warren::raw::local_kind::<#locals>(),)*
            ];
            const CLAIMS: ::warren::raw::Claims = ::warren::raw::Claims {
                name: #name,
                summary: #summary,
                provisions: &[
                    #(::warren::raw::Provision::root::<dyn #provides>(),)*
                    #(::warren::raw::Provision::local::<#locals>(),)*
                ],
                parameters: &[#(#parameters,)*],
                stack: #stack,
                survives_panics: #survives_panics,
            };
        }

        #[cfg(not(test))]
        const _: () = {
            #[unsafe(export_name = "warren_server")]
            #[used]
            static DESCRIPTOR: ::warren::raw::server::Descriptor =
                ::warren::raw::descriptor::<#server>();

            #[unsafe(link_section = ".warren")]
            #[used]
            static DESCRIPTION: [u8; ::warren::raw::describe::<#server>().length()] =
                ::warren::raw::describe::<#server>().finish();
        };
    }
}
