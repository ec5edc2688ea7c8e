//! `#[local]`: a local server.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ItemStruct, Result};

use crate::arguments::Arguments;

pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let item: ItemStruct = syn::parse2(item)?;
    let mut arguments = Arguments::parse(arguments)?;
    let service = arguments.path("provides")?;
    let parent = arguments.path("parent")?;
    arguments.finish()?;
    if !item.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(&item.generics, "a local server has no parameters"));
    }
    let name = &item.ident;
    Ok(quote! {
        #item

        // SAFETY: it is a part of what its parent is a part of, and `Local` too.
        unsafe impl ::warren::Object for #name {
            type Root = <#parent as ::warren::Object>::Root;
            type Access = <#parent as ::warren::Object>::Access;
            const LOCAL: bool = true;
        }

        // SAFETY: root and access are the parent's.
        unsafe impl ::warren::Local for #name {
            type Parent = #parent;
            type Service = dyn #service;
        }
    })
}
