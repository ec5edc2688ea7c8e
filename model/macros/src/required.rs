//! `#[derive(Required)]`: names and types for the table of requirements.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Result};

pub fn expand(item: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let fields = match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => return Err(syn::Error::new_spanned(&item, "requirements have names")),
        },
        _ => return Err(syn::Error::new_spanned(&item, "requirements are a struct")),
    };
    if !item.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(&item.generics, "requirements have no parameters"));
    }
    let name = &item.ident;
    let names: Vec<_> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let places = 0..fields.len();
    let count = fields.len();
    Ok(quote! {
        const _: () = {
            #(assert!(
                ::core::mem::offset_of!(#name, #names) == 8 * #places,
                "the compiler reordered the requirements: add `#[repr(C)]`",
            );)*
            assert!(::core::mem::size_of::<#name>() == 8 * #count);
        };

        // SAFETY: every field is one word of the table, and the assertions above prove the order.
        unsafe impl ::warren::Required for #name {
            const REQUIREMENTS: &'static [::warren::raw::Requirement] = &[
                #(::warren::raw::Requirement::of::<#types>(::core::stringify!(#names)),)*
            ];
        }
    })
}
