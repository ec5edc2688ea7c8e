//! Arguments of an attribute: words, `key = value`, `key(value, value)`.

use proc_macro2::Span;
use syn::{
    Expr, ExprLit, Ident, Lit, LitInt, Path, Result, Token, parenthesized,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
};

/// One argument: its key and its values, none of which makes it a word.
struct Argument {
    key: Ident,
    values: Vec<Expr>,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.parse()?;
        let values = if input.peek(syn::token::Paren) {
            let content;
            parenthesized!(content in input);
            Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter().collect()
        } else if input.parse::<Option<Token![=]>>()?.is_some() {
            vec![input.parse()?]
        } else {
            Vec::new()
        };
        Ok(Argument { key, values })
    }
}

/// The arguments that have not been taken yet.
pub struct Arguments {
    rest: Vec<Argument>,
}

impl Arguments {
    /// Parses the text between the attribute's parentheses.
    pub fn parse(tokens: proc_macro2::TokenStream) -> Result<Self> {
        let rest: Vec<Argument> = Punctuated::<Argument, Token![,]>::parse_terminated
            .parse2(tokens)?
            .into_iter()
            .collect();
        for (at, argument) in rest.iter().enumerate() {
            if rest[..at].iter().any(|other| other.key == argument.key) {
                return Err(syn::Error::new(argument.key.span(), "given twice"));
            }
        }
        Ok(Arguments { rest })
    }

    /// The values behind a key, if it is there.
    fn take(&mut self, key: &str) -> Option<(Ident, Vec<Expr>)> {
        let at = self.rest.iter().position(|argument| argument.key == key)?;
        let argument = self.rest.remove(at);
        Some((argument.key, argument.values))
    }

    /// Whether a word is there.
    pub fn word(&mut self, key: &str) -> Result<bool> {
        match self.take(key) {
            None => Ok(false),
            Some((_, values)) if values.is_empty() => Ok(true),
            Some((key, _)) => Err(syn::Error::new(key.span(), "takes no value")),
        }
    }

    /// The paths behind a key.
    pub fn paths(&mut self, key: &str) -> Result<Vec<Path>> {
        let values = self.take(key).map_or_else(Vec::new, |(_, values)| values);
        values.into_iter().map(path).collect()
    }

    /// The one path behind a key that must be there.
    pub fn path(&mut self, key: &str) -> Result<Path> {
        let mut paths = self.paths(key)?;
        match (paths.pop(), paths.is_empty()) {
            (Some(path), true) => Ok(path),
            _ => Err(syn::Error::new(Span::call_site(), format!("`{key} = …` is missing"))),
        }
    }

    /// The texts behind a key.
    pub fn texts(&mut self, key: &str) -> Result<Vec<String>> {
        let values = self.take(key).map_or_else(Vec::new, |(_, values)| values);
        values.into_iter().map(text).collect()
    }

    /// The text behind a key.
    pub fn text(&mut self, key: &str) -> Result<Option<String>> {
        Ok(self.texts(key)?.pop())
    }

    /// The number behind a key.
    pub fn number(&mut self, key: &str) -> Result<Option<u32>> {
        match self.take(key).and_then(|(_, mut values)| values.pop()) {
            None => Ok(None),
            Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
                parse_number(&number).map(Some)
            }
            Some(other) => Err(syn::Error::new_spanned(other, "expected a number")),
        }
    }

    /// Fails if anything is left.
    pub fn finish(self) -> Result<()> {
        match self.rest.first() {
            None => Ok(()),
            Some(argument) => Err(syn::Error::new(argument.key.span(), "unknown argument")),
        }
    }
}

fn parse_number(number: &LitInt) -> Result<u32> {
    number.base10_parse()
}

fn path(value: Expr) -> Result<Path> {
    match value {
        Expr::Path(path) => Ok(path.path),
        other => Err(syn::Error::new_spanned(other, "expected a name")),
    }
}

fn text(value: Expr) -> Result<String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
        other => Err(syn::Error::new_spanned(other, "expected a text")),
    }
}

/// The first line of a doc comment, without its full stop.
pub fn first_line(attributes: &[syn::Attribute]) -> Option<String> {
    documentation(attributes).next().map(|line| line.trim_end_matches('.').to_owned())
}

/// The lines of a doc comment that are not empty.
pub fn documentation(attributes: &[syn::Attribute]) -> impl Iterator<Item = String> + '_ {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.filter(|line| !line.is_empty())
}
