//! Collects what is wrong, so that all of it is reported at once.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// What is wrong with a definition, in the order in which it was found.
#[derive(Default)]
pub(crate) struct Mistakes(Vec<Mistake>);

struct Mistake {
    /// The place, and for the compiler the whole text.
    error: syn::Error,
    #[cfg_attr(
        not(feature = "files"),
        expect(dead_code, reason = "diagnostics of files read it")
    )]
    message: String,
    #[cfg_attr(
        not(feature = "files"),
        expect(dead_code, reason = "diagnostics of files read it")
    )]
    help: String,
}

impl Mistakes {
    /// Reports a mistake at tokens of the definition.
    pub(crate) fn report(
        &mut self,
        at: impl ToTokens,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (message, help) = (message.into(), help.into());
        let error = syn::Error::new_spanned(at, text(&message, &help));
        self.0.push(Mistake {
            error,
            message,
            help,
        });
    }

    /// Reports what the parser of Rust did not understand.
    pub(crate) fn report_syntax(&mut self, error: syn::Error, help: &str) {
        for error in error {
            let message = error.to_string();
            let error = syn::Error::new(error.span(), text(&message, help));
            self.0.push(Mistake {
                error,
                message,
                help: help.to_owned(),
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.0
            .into_iter()
            .map(|mistake| mistake.error.into_compile_error())
            .collect()
    }

    /// In the order of the source.
    #[cfg(feature = "files")]
    pub(crate) fn into_diagnostics(self, file: &std::path::Path) -> crate::Diagnostics {
        let mut diagnostics: Vec<_> = self
            .0
            .into_iter()
            .map(|mistake| {
                let start = mistake.error.span().start();
                crate::Diagnostic {
                    file: Some(file.to_owned()),
                    line: start.line,
                    column: start.column + 1,
                    message: mistake.message,
                    help: mistake.help,
                }
            })
            .collect();
        diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        crate::Diagnostics(diagnostics)
    }
}

fn text(message: &str, help: &str) -> String {
    if help.is_empty() {
        message.to_owned()
    } else {
        format!("{message}\n  help: {help}")
    }
}
