//! `#[service]`: a trait becomes a service.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, ItemTrait, Result, TraitItem, parse_quote};

use crate::{
    arguments::Arguments,
    entry,
    function::{Function, Piece},
    stub,
};

/// A service, understood.
pub struct Service {
    pub name: Ident,
    pub stub: Ident,
    pub visibility: syn::Visibility,
    pub id: u32,
    pub atomic: bool,
    pub functions: Vec<Function>,
}

pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let item: ItemTrait = syn::parse2(item)?;
    let service = understand(Arguments::parse(arguments)?, &item)?;
    let definition = definition(item, &service);
    let stub = stub::expand(&service);
    let entries = entry::expand(&service);
    let description = description(&service);
    Ok(quote!(#definition #stub const _: () = { #description #entries };))
}

fn understand(mut arguments: Arguments, item: &ItemTrait) -> Result<Service> {
    let id = arguments
        .number("id")?
        .filter(|id| *id != 0)
        .ok_or_else(|| syn::Error::new_spanned(&item.ident, "`id = 0x…` is missing, not 0"))?;
    let atomic = arguments.word("atomic")?;
    arguments.finish()?;
    if !item.generics.params.is_empty() || !item.supertraits.is_empty() {
        let text = "a service has neither parameters nor supertraits";
        return Err(syn::Error::new_spanned(&item.ident, text));
    }
    let functions = item.items.iter().map(|item| match item {
        TraitItem::Fn(function) => Function::parse(function.clone(), atomic),
        other => Err(syn::Error::new_spanned(other, "a service has only functions")),
    });
    Ok(Service {
        name: item.ident.clone(),
        stub: format_ident!("{}Stub", item.ident),
        visibility: item.vis.clone(),
        id,
        atomic,
        functions: functions.collect::<Result<_>>()?,
    })
}

/// The trait as it is written, but for bounds without which `dyn Service` would not be a type.
fn definition(mut item: ItemTrait, service: &Service) -> TokenStream {
    for (item, function) in item.items.iter_mut().zip(&service.functions) {
        let mut changed = function.item.clone();
        let bounds = &mut changed.sig.generics.make_where_clause().predicates;
        bounds.push(parse_quote!(Self: Sized + ::warren::Object));
        *item = TraitItem::Fn(changed);
    }
    quote!(#item)
}

/// What is known of the service without any server.
fn description(service: &Service) -> TokenStream {
    let Service { name, stub, id, atomic, functions, .. } = service;
    let text = name.to_string();
    let names = functions.iter().map(Function::text);
    let signatures = functions.iter().map(|function| {
        let pieces = function.signature().pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => quote!(.text(#text)),
            Piece::Number(number) => quote!(.number(#number as u64)),
        });
        quote! {{
            const SIGNATURE: &::warren::raw::Text = &::warren::raw::Text::new() #(#pieces)*;
            SIGNATURE.as_str()
        }}
    });
    quote! {
        // SAFETY: the stub is transparent over its word and calls the functions with this ID.
        unsafe impl ::warren::Service for dyn #name {
            const ID: u32 = #id;
            const NAME: &'static str = #text;
            const ATOMIC: bool = #atomic;
            const FUNCTIONS: &'static [(&'static str, &'static str)] =
                &[#((#names, #signatures),)*];
            type Stub<W: ::warren::raw::Word> = #stub<W>;
        }
    }
}
