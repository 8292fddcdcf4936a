//! Makes bodies malformed.

use bytes::Bytes;

use super::body::ReplyBody;
use crate::faults::Malformed;

const XML_NAME_OF_NOTHING: &str = "<UnexpectedResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><UnexpectedResult/>\
     </UnexpectedResponse>";

const HTML: &str = "<!DOCTYPE html><html><head><title>500 Internal Server Error</title></head>\
                    <body><h1>Internal Server Error</h1><p>Please try again &mdash; later.<br></body></html>";

const BOMB: &str = "<?xml version=\"1.0\"?><!DOCTYPE bomb [<!ENTITY a \"aaaaaaaaaa\">\
<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">\
<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\"><!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\">\
<!ENTITY f \"&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;\"><!ENTITY g \"&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;\">\
<!ENTITY h \"&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;\"><!ENTITY i \"&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;\">]>";

const DEPTH: usize = 100_000;

/// The damaged answer: status, content type, body.
pub(crate) fn damage(kind: Malformed, status: u16, body: String) -> (u16, &'static str, ReplyBody) {
    let xml = "text/xml";
    let bytes: Vec<u8> = match kind {
        Malformed::UnclosedTag => {
            let end = body.rfind("</").and_then(|last| body.get(..last)).unwrap_or_default().to_owned();
            let end = end.rfind("</").and_then(|last| end.get(..last)).unwrap_or_default().to_owned();
            end.into_bytes()
        }
        Malformed::WrongRoot => XML_NAME_OF_NOTHING.to_owned().into_bytes(),
        Malformed::InvalidUtf8 => in_first_text(body, &[0xc3, 0x28, 0xff, 0xfe]),
        Malformed::Nul => in_first_text(body, &[0]),
        Malformed::DtdBomb => {
            let bombed = String::from_utf8_lossy(&in_first_text(body, b"&i;")).into_owned();
            format!("{BOMB}{bombed}").into_bytes()
        }
        Malformed::Html500 => return (500, "text/html", ReplyBody::whole(HTML)),
        Malformed::Huge { bytes } => {
            let at = body.find('>').map_or(0, |end| end + 1);
            let (start, end) = body.split_at(at);
            let start = Bytes::from(format!("{start}<!--"));
            return (status, xml, ReplyBody::filled(start, bytes, Bytes::from(format!("-->{end}"))));
        }
        Malformed::DeepNesting => {
            let at = body.find('>').map_or(0, |end| end + 1);
            let (start, end) = body.split_at(at);
            format!("{start}{}{}{end}", "<deep>".repeat(DEPTH), "</deep>".repeat(DEPTH)).into_bytes()
        }
        Malformed::Empty200 => return (200, xml, ReplyBody::whole("")),
        Malformed::BadPercentDocument => body.replace("%7B", "%ZZ%").into_bytes(),
    };
    (status, xml, ReplyBody::whole(bytes))
}

/// Puts bytes into the first text of a document: just before the first closing tag.
fn in_first_text(body: String, bytes: &[u8]) -> Vec<u8> {
    let at = body.find("</").unwrap_or(body.len());
    let (start, end) = body.split_at(at);
    [start.as_bytes(), bytes, end.as_bytes()].concat()
}
