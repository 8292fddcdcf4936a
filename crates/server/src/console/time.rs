//! Times: in UTC here, in the viewer's zone once the script has run, and the exact instant on hover either way.

use askama::Template;
use jiff::{SignedDuration, Timestamp};

use keyreeve_model::JobId;

use super::jobs;
use super::numbers::counted;
use super::parts::{Link, drawn};
use super::spoken::PAGE_OF_JOB;

/// A time.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"<time datetime="{{ instant }}" title="{{ exact }}"{% if let Some(moment) = moment %} data-moment{% if !moment.is_empty() %}="{{ moment }}"{% endif %}{% endif %}>{{ text }}</time>"#
)]
pub(crate) struct Time {
    instant: Timestamp,
    exact: String,
    text: String,
    /// To what it is said as a moment, rather than as how long ago that is: to the minute, if nothing is said.
    moment: Option<&'static str>,
}

impl Time {
    /// The moment.
    pub(crate) fn at(instant: Timestamp) -> Self {
        let text = instant.strftime("%Y-%m-%d %H:%M UTC").to_string();
        Self { instant, exact: exact(instant), text, moment: Some("") }
    }

    /// The moment, to the second.
    pub(crate) fn to_the_second(instant: Timestamp) -> Self {
        Self { instant, exact: exact(instant), text: exact(instant), moment: Some("seconds") }
    }

    /// How long ago that is.
    pub(crate) fn ago(instant: Timestamp, now: Timestamp) -> Self {
        Self { instant, exact: exact(instant), text: since(now.duration_since(instant)), moment: None }
    }

    /// The instant itself.
    pub(crate) fn instant(&self) -> Timestamp {
        self.instant
    }
}

/// A sentence of ours, with the instants in it as times, and the jobs that it leads to as links.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"{% for piece in pieces %}{% match piece %}{% when Piece::Text with (text) %}{{ text }}{% when Piece::Time with (time) %}{{ time.html() }}{% when Piece::Link with (link) %}{{ link.html() }}{% endmatch %}{% endfor %}"#
)]
pub(crate) struct Timed {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Time(Time),
    Link(Link),
}

/// For templates: a sentence with its times and links, which is drawn by `html()`.
pub(crate) fn timed(sentence: &str) -> Timed {
    let mut pieces = Vec::new();
    let mut rest = sentence;
    while let Some((before, job, text, after)) = page_of_job(rest) {
        pieces.extend(with_times(before));
        pieces.push(Piece::Link(Link::new(jobs::of(job), text)));
        rest = after;
    }
    pieces.extend(with_times(rest));
    Timed { pieces }
}

/// The first place where the page of a job is named, with what is before and after it.
fn page_of_job(sentence: &str) -> Option<(&str, JobId, &str, &str)> {
    let mut from = 0;
    while let Some(found) = sentence.get(from..)?.find(PAGE_OF_JOB) {
        let at = from + found;
        let number_at = at + PAGE_OF_JOB.len();
        let number = sentence.get(number_at..)?;
        let digits = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
        let until = number_at + digits;
        if let Ok(job) = sentence.get(number_at..until)?.parse() {
            return Some((sentence.get(..at)?, JobId(job), sentence.get(at..until)?, sentence.get(until..)?));
        }
        from = number_at;
    }
    None
}

fn with_times(sentence: &str) -> Vec<Piece> {
    // As instants are written: 2026-05-01T12:00:00.000Z.
    let is_of_one = |character: char| character.is_ascii_digit() || "-:.TZ".contains(character);
    let mut pieces = Vec::new();
    let mut said = String::new();
    let mut rest = sentence;
    while !rest.is_empty() {
        let run = rest.find(|character| !is_of_one(character)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(run);
        let instant = word.trim_end_matches(['.', ':', '-']);
        match instant.parse::<Timestamp>() {
            Ok(at) => {
                pieces.push(Piece::Text(std::mem::take(&mut said)));
                pieces.push(Piece::Time(Time::to_the_second(at)));
                said.push_str(word.get(instant.len()..).unwrap_or_default());
            }
            Err(_) => said.push_str(word),
        }
        let other = after.find(is_of_one).unwrap_or(after.len());
        let (between, left) = after.split_at(other);
        said.push_str(between);
        rest = left;
    }
    pieces.push(Piece::Text(said));
    pieces
}

drawn!(Time, Timed);

fn exact(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn since(elapsed: SignedDuration) -> String {
    let minutes = elapsed.as_mins();
    let (number, unit, units) = match minutes {
        ..1 => return "just now".to_owned(),
        1..60 => (minutes, "minute", "minutes"),
        60..2_880 => (minutes / 60, "hour", "hours"),
        _ => (minutes / 1_440, "day", "days"),
    };
    format!("{} ago", counted(number, unit, units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_says_its_instant_and_how_long_ago_it_is() {
        let at: Timestamp = "2026-11-24T12:23:54.514Z".parse().unwrap();
        let text = Time::at(at).render().unwrap();
        assert_eq!(
            text,
            "<time datetime=\"2026-11-24T12:23:54.514Z\" title=\"2026-11-24 12:23:54 UTC\" data-moment>2026-11-24 12:23 UTC</time>"
        );
        let text = Time::to_the_second(at).render().unwrap();
        assert!(text.ends_with("data-moment=\"seconds\">2026-11-24 12:23:54 UTC</time>"), "{text}");
        for (minutes, said) in [
            (-5, "just now"),
            (0, "just now"),
            (1, "1 minute ago"),
            (59, "59 minutes ago"),
            (60, "1 hour ago"),
            (47 * 60, "47 hours ago"),
            (48 * 60, "2 days ago"),
            (60 * 24 * 400, "400 days ago"),
        ] {
            assert_eq!(since(SignedDuration::from_mins(minutes)), said);
        }
    }
    #[test]
    fn a_sentence_has_its_instants_as_times_and_the_rest_as_text() {
        let text =
            timed("<it> begins at 2026-11-24T12:23:54.514Z. Run 7: 2026-11-24, 12:00 T-Z").render().unwrap();
        assert_eq!(
            text,
            "&#60;it&#62; begins at <time datetime=\"2026-11-24T12:23:54.514Z\" title=\"2026-11-24 12:23:54 UTC\" \
             data-moment=\"seconds\">2026-11-24 12:23:54 UTC</time>. Run 7: 2026-11-24, 12:00 T-Z"
        );
        for plain in ["", "no time", "2026-11-24T12:23:54", "arn:aws:iam::111122223333:user/Z"] {
            assert_eq!(timed(plain).render().unwrap(), plain);
        }
    }

    #[test]
    fn a_sentence_that_leads_to_the_page_of_a_job_has_the_link() {
        for (text, drawn) in [
            (
                "<x> waits (see the page of job 8): ask job 9",
                "&#60;x&#62; waits (see <a href=\"/jobs/8\">the page of job 8</a>): ask job 9",
            ),
            (
                "the page of job of the page of job 12",
                "the page of job of <a href=\"/jobs/12\">the page of job 12</a>",
            ),
            ("the page of job x", "the page of job x"),
        ] {
            assert_eq!(timed(text).render().unwrap(), drawn);
        }
    }
}
