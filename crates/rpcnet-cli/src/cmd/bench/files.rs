//! [`Files`]: where a run is written to, and which one it is compared with.

use std::fs;
use std::path::{Path, PathBuf};

use super::chart;
use super::compare::{self, Comparison};
use super::html;
use super::summary::Summary;

/// The options that name files.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Result")]
pub(super) struct Files {
    /// Write plots of the latencies and of what became of them over time; a page with all figures
    /// where the name ends in `.html`, the plots alone where it ends in `.svg`. May be repeated.
    #[arg(long, value_name = "FILE", value_parser = parse_report)]
    report: Vec<Report>,
    /// Write the result as JSON, for --compare.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Compare with a run that was saved: ratios, and whether they are more than noise.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

/// A report's file, and its form.
#[derive(Clone, Debug)]
struct Report {
    path: PathBuf,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Html,
    Svg,
}

fn parse_report(text: &str) -> Result<Report, String> {
    let path = PathBuf::from(text);
    let form = match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => Form::Html,
        Some("svg") => Form::Svg,
        _ => return Err("a report is a .html or a .svg file".into()),
    };
    Ok(Report { path, form })
}

impl Files {
    /// Reads the run to compare with, and sees to it that the others can be written: better before
    /// a run than after it.
    ///
    /// # Errors
    ///
    /// Which option is wrong.
    pub(super) fn prepare(&self) -> Result<Option<Summary>, String> {
        let before = self.compare.as_deref().map(compare::load).transpose()?;
        let reports = self.report.iter();
        let reports = reports.map(|report| ("--report", report.path.as_path()));
        let saved = self.save.iter().map(|path| ("--save", path.as_path()));
        for (option, path) in reports.chain(saved) {
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
                return Err(format!("{option} {}: no such folder", path.display()));
            }
        }
        Ok(before)
    }

    /// Writes what was asked for; what is there is replaced.
    ///
    /// # Errors
    ///
    /// Which file could not be written, and why.
    pub(super) fn write(
        &self,
        summary: &Summary,
        before: Option<(&Summary, &Comparison)>,
    ) -> Result<(), String> {
        for Report { path, form } in &self.report {
            let text = match form {
                Form::Html => html::page(summary, before),
                Form::Svg => chart::file(summary, before.map(|(before, _)| before)),
            };
            write("--report", path, &text)?;
        }
        if let Some(path) = &self.save {
            let text = serde_json::to_string(summary)
                .map_err(|error| format!("--save {}: {error}", path.display()))?;
            write("--save", path, &(text + "\n"))?;
        }
        Ok(())
    }
}

fn write(option: &str, path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{option} {}: {error}", path.display()))
}
