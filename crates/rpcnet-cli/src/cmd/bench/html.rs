//! A run as a page that needs nothing else.

use std::fmt::Write as _;

use super::chart;
use super::compare::Comparison;
use super::summary::Summary;
use super::text::{cautions, plan_words};
use super::words::{bytes, count, rate, time};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;\
background:#fff;color:#222}\
h1{font-size:1.4rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}\
table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:left;\
vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
.big{font-size:1.6rem;font-variant-numeric:tabular-nums}.muted{color:#666}\
.note{border-left:3px solid #d55e00;padding-left:.6rem}\
.wide{overflow-x:auto}svg{width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}.muted{color:#999}}";

/// The page of a run, beside an earlier one where there is one.
pub(super) fn page(summary: &Summary, before: Option<(&Summary, &Comparison)>) -> String {
    let subject = format!("{} at {}", summary.method, summary.address);
    let subject = escaped(&subject);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>rpcnet bench: {subject}</title>\n<style>{STYLE}\n{}</style>\n</head>\n<body>\n\
         <h1>{subject}</h1>\n<p class=\"muted\">{}<br>{}</p>\n",
        chart::STYLE,
        escaped(&plan_words(summary)),
        escaped(&summary.at)
    );
    headline(&mut out, summary);
    for caution in cautions(summary) {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(&caution));
    }
    latency(&mut out, summary);
    let earlier = before.map(|(before, _)| before);
    for plot in [
        chart::histogram(summary, earlier),
        chart::throughput(summary, earlier),
        chart::latency(summary),
    ] {
        out.push_str(&plot);
    }
    errors(&mut out, summary);
    if let Some((_, comparison)) = before {
        compared(&mut out, comparison);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn headline(out: &mut String, summary: &Summary) {
    let calls = &summary.calls;
    let _ = writeln!(
        out,
        "<p class=\"big\">{}</p>\n<table>\n\
         <tr><td>succeeded</td><td class=\"n\">{}</td><td>in {}, {} of replies</td></tr>\n\
         <tr><td>failed</td><td class=\"n\">{}</td><td>{:.2} % of the calls that were due, with \
         those not sent</td></tr>\n\
         <tr><td>not sent</td><td class=\"n\">{}</td><td>{} sent late</td></tr>\n\
         <tr><td>besides</td><td class=\"n\">{}</td><td>to warm up, and {} under way at the \
         end</td></tr>\n</table>",
        rate(summary.rate),
        count(calls.succeeded),
        time(summary.elapsed_s * 1e6),
        bytes(summary.reply_bytes as f64),
        count(calls.failed),
        100.0 * summary.error_share(),
        count(calls.unsent),
        count(calls.overdue),
        count(calls.warm_up),
        count(calls.after_end),
    );
}

fn latency(out: &mut String, summary: &Summary) {
    let Some(latency) = &summary.latency else {
        out.push_str("<h2>Latency</h2>\n<p>No call succeeded.</p>\n");
        return;
    };
    out.push_str("<h2>Latency</h2>\n<div class=\"wide\"><table>\n<tr>");
    for (name, _) in latency.rows() {
        let _ = write!(out, "<th class=\"n\">{name}</th>");
    }
    out.push_str("</tr>\n<tr>");
    for (_, us) in latency.rows() {
        let _ = write!(out, "<td class=\"n\">{}</td>", time(us));
    }
    out.push_str("</tr>\n</table></div>\n");
}

fn errors(out: &mut String, summary: &Summary) {
    if summary.errors.is_empty() {
        return;
    }
    out.push_str("<h2>Errors</h2>\n<div class=\"wide\"><table>\n");
    for error in &summary.errors {
        let _ = writeln!(
            out,
            "<tr><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
            count(error.count),
            escaped(&error.code),
            escaped(&error.example)
        );
    }
    out.push_str("</table></div>\n");
}

fn compared(out: &mut String, comparison: &Comparison) {
    let _ = writeln!(
        out,
        "<h2>Compared with {}</h2>",
        escaped(&comparison.before_at)
    );
    for difference in &comparison.differences {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(difference));
    }
    out.push_str(
        "<div class=\"wide\"><table>\n<tr><th></th><th class=\"n\">before</th>\
         <th class=\"n\">now</th><th class=\"n\">ratio</th><th class=\"n\">noise</th><th></th></tr>\n",
    );
    for row in &comparison.rows {
        let value = |value| match row.name {
            "rate" => rate(value),
            _ => time(value),
        };
        let noise = row.noise.map_or_else(
            || "unknown".into(),
            |noise| format!("{:.1} %", noise * 100.0),
        );
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{:.3}</td><td class=\"n\">{noise}</td><td>{}</td></tr>",
            row.name,
            value(row.before),
            value(row.now),
            row.ratio,
            row.verdict.words()
        );
    }
    out.push_str("</table></div>\n");
}

/// Text that is no markup, also within quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample::run;
    use super::*;

    #[test]
    fn nothing_that_a_server_says_becomes_markup() {
        let mut summary = run(&[1000.0]);
        summary.method = "<img src=x onerror=alert(1)>\"'".into();
        let page = page(&summary, None);
        assert!(
            !page.contains("<img") && !page.contains("<script"),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;alert(&#39;no&#39;)"), "{page}");
    }

    #[test]
    fn the_page_fetches_nothing() {
        let summary = run(&[1000.0, 1000.0, 1000.0]);
        let comparison = Comparison::new(&summary, &summary);
        let page = page(&summary, Some((&summary, &comparison)));
        for fetching in ["src=", "href=", "url(", "@import", "<script", "<link"] {
            assert!(!page.contains(fetching), "{fetching}");
        }
        // The name of a vocabulary, which nobody fetches.
        let addresses = page.matches("http").count();
        assert_eq!(
            addresses,
            page.matches("http://www.w3.org/2000/svg").count()
        );
    }

    #[test]
    fn the_page_has_the_figures_the_plots_and_the_comparison() {
        let summary = run(&[1000.0, 1000.0, 1000.0]);
        let comparison = Comparison::new(&summary, &summary);
        let page = page(&summary, Some((&summary, &comparison)));
        assert_eq!(page.matches("<svg class=\"plot\"").count(), 3);
        for expected in [
            "1,000/s",
            "p99.99",
            "within the noise",
            "prefers-color-scheme:dark",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
    }
}
