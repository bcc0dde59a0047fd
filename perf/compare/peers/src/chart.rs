//! The leads as bars from 1 on, a panel for each measure, on one logarithmic scale for all.

use std::fmt::Write as _;

use crate::report::{Measure, Report, Summary, short};

const WIDTH: f64 = 860.0;
/// Where the scale begins.
const LEFT: f64 = 200.0;
const SCALE_WIDTH: f64 = 570.0;
/// From one bar to the next.
const LINE: f64 = 20.0;
/// Lines across all panels.
const MARKS: [f64; 10] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0];

/// An SVG document.
pub fn draw(report: &Report) -> anyhow::Result<String> {
    // The tail of a minute on a virtual machine is in the table; as a bar it would say too much.
    let measures = Measure::ALL.into_iter().filter(|measure| *measure != Measure::P99Busy);
    let panels: Vec<_> = measures.map(|measure| (measure, report.summaries(measure))).collect();
    let scale = Scale::of(panels.iter().flat_map(|(_, summaries)| summaries));
    let (mut body, mut y) = (String::new(), 64.0);
    for (measure, summaries) in &panels {
        panel(*measure, summaries, &scale, &mut body, &mut y)?;
    }
    let mut lines = String::new();
    for mark in MARKS.into_iter().filter(|mark| scale.holds(*mark)) {
        let (x, class) = (scale.x(mark), if mark == 1.0 { "one" } else { "mark" });
        writeln!(
            lines,
            r#"<text x="{x:.1}" y="42" class="m">{mark}</text><path d="M{x:.1} 46V{y}" class="{class}"/>"#
        )?;
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>tickwire beside its peers</title>\n\
         <style>.t{{font-weight:bold}}.n{{text-anchor:end}}.m{{text-anchor:middle;fill:#555}}\
         .o{{fill:#0a7d55}}.p{{fill:#c2571a}}.w{{stroke:#222;fill:none}}\
         .one{{stroke:#222}}.mark{{stroke:#ddd}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"20\">How many times better tickwire is than each peer (left of 1, the \
         peer is): median, least and most of the rounds</text>\n{lines}{body}</svg>\n"
    ))
}

/// From a ratio to a place.
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    fn of<'a>(summaries: impl Iterator<Item = &'a Summary>) -> Self {
        let mut scale = Self { least: 0.5, most: 2.0 };
        for [_, least, most] in summaries.filter_map(|summary| summary.lead) {
            scale.least = scale.least.min(least);
            scale.most = scale.most.max(most);
        }
        scale
    }

    fn holds(&self, ratio: f64) -> bool {
        (self.least..=self.most).contains(&ratio)
    }

    fn x(&self, ratio: f64) -> f64 {
        LEFT + SCALE_WIDTH * (ratio / self.least).ln() / (self.most / self.least).ln()
    }
}

fn panel(
    measure: Measure,
    summaries: &[Summary],
    scale: &Scale,
    body: &mut String,
    y: &mut f64,
) -> anyhow::Result<()> {
    writeln!(body, r#"<text x="10" y="{y}" class="t">{}</text>"#, measure.title())?;
    *y += 8.0;
    for Summary { name, lead, .. } in summaries {
        let Some([median, least, most]) = *lead else { continue };
        let (from, to) = (scale.x(median.min(1.0)), scale.x(median.max(1.0)));
        let class = if median < 1.0 { "p" } else { "o" };
        let [low, high] = [least, most].map(|ratio| scale.x(ratio));
        let (top, bottom, middle) = (*y + 2.0, *y + 14.0, *y + 8.0);
        writeln!(
            body,
            r#"<text x="{}" y="{bottom}" class="n">{name}</text><rect x="{from:.1}" y="{top}" width="{:.1}" height="12" class="{class}"/><path d="M{low:.1} {middle}H{high:.1}" class="w"/><text x="{:.1}" y="{bottom}">{}</text>"#,
            LEFT - 10.0,
            to - from,
            high.max(to) + 6.0,
            short(median)
        )?;
        *y += LINE;
    }
    *y += 28.0;
    Ok(())
}
