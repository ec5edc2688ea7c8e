//! Lifetimes of a service function: what is passed lives as long as the call, what comes back as the context.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, GenericParam, Lifetime, Result, Signature, Type};

/// The lifetimes that a function declares. It uses no other: what is passed ends with the call, whatever the
/// function's author would like.
pub fn declared(signature: &Signature) -> Result<Vec<Lifetime>> {
    if let Some(clause) = &signature.generics.where_clause {
        return Err(Error::new_spanned(clause, "a service function has no bounds"));
    }
    let parameters = signature.generics.params.iter();
    let declared: Vec<Lifetime> = parameters
        .map(|parameter| match parameter {
            GenericParam::Lifetime(it) if it.bounds.is_empty() => Ok(it.lifetime.clone()),
            other => Err(Error::new_spanned(other, "a service function has only lifetimes")),
        })
        .collect::<Result<_>>()?;
    let known = |name: &str| name == "_" || declared.iter().any(|lifetime| lifetime.ident == name);
    let used = signature.inputs.to_token_stream().into_iter();
    let used = used.chain(signature.output.to_token_stream());
    match used_in(used.collect()).into_iter().find(|(name, _)| !known(name)) {
        None => Ok(declared),
        Some((name, span)) => {
            let text = format!("what is passed lives as long as the call, and not for `\'{name}`");
            Err(Error::new(span, text))
        }
    }
}

/// The reference that comes back must live as long as the context: it is the caller's until then.
pub fn check_result(answer: &Type, frame: &TokenStream) -> Result<()> {
    let frame = used_in(frame.clone());
    let used = used_in(answer.to_token_stream());
    let same = |(one, _): &(String, Span)| frame.iter().any(|(other, _)| one == other);
    if !used.is_empty() && used.iter().all(same) {
        return Ok(());
    }
    let text = "the reference that comes back lives as long as the context: \
                `cx: &mut Cx<'f, Self>` and `Ref<'f, dyn Service>`";
    Err(Error::new_spanned(answer, text))
}

/// Names and places of the lifetimes in a piece of code.
fn used_in(tokens: TokenStream) -> Vec<(String, Span)> {
    let mut found = Vec::new();
    let mut after_tick = false;
    for token in tokens {
        match &token {
            TokenTree::Group(group) => found.extend(used_in(group.stream())),
            TokenTree::Ident(name) if after_tick => found.push((name.to_string(), name.span())),
            _ => (),
        }
        after_tick = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
    }
    found
}
