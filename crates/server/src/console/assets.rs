//! Style, script and icon. Their addresses hold a digest of what they are, so that browsers keep them for good.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use keyreeve_model::digest_hex;

use super::problems::nothing_here;
use crate::parts::Parts;

/// So much of a digest tells versions apart.
const DIGEST_CHARACTERS: usize = 16;

/// One asset.
struct Asset {
    name: &'static str,
    ending: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "console",
        ending: "css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/console/console.css"),
    },
    Asset {
        name: "console",
        ending: "js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/console/console.js"),
    },
    Asset {
        name: "icon",
        ending: "svg",
        kind: "image/svg+xml",
        bytes: include_bytes!("../../assets/console/icon.svg"),
    },
];

static NAMES: LazyLock<[String; 3]> = LazyLock::new(|| {
    ASSETS.map(|Asset { name, ending, bytes, .. }| {
        let digest: String = digest_hex(bytes).chars().take(DIGEST_CHARACTERS).collect();
        format!("/console/{name}-{digest}.{ending}")
    })
});

/// The addresses of style, script and icon.
pub(super) fn addresses() -> [&'static str; 3] {
    let [style, script, icon] = &*NAMES;
    [style, script, icon]
}

/// Where they are.
pub(super) fn router() -> Router<Parts> {
    Router::new().route("/console/{file}", get(asset))
}

async fn asset(Path(file): Path<String>) -> Response {
    let wanted = format!("/console/{file}");
    let Some((_, asset)) = NAMES.iter().zip(&ASSETS).find(|(name, _)| **name == wanted) else {
        return nothing_here().await.into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.bytes).into_response()
}
