//! Where a browser lands that follows a device link: a page that hands the link to the device on
//! the same machine, shows one that may be scanned, or says how to open it by hand.
//!
//! The page knows nothing of the session and asks nothing of the store: it repeats the link that
//! the browser came with.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::QRBuilder;
use http::{HeaderName, HeaderValue, StatusCode, header};
use symbolon_protocol::device_link::{DeviceLink, LinkKind};
use symbolon_protocol::display_text::escape_markup;

/// The page's path on the relying parties' listener.
const PATH: &str = "/device-link";

/// Nothing is loaded, nothing runs, nobody frames the page, and nobody hears where it came from:
/// the link is a capability.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
];

/// The page for links that begin with `base`.
pub fn router(base: &str) -> Router {
    Router::new()
        .route(PATH, get(land))
        .with_state(Arc::from(base))
}

async fn land(State(base): State<Arc<str>>, RawQuery(query): RawQuery) -> Response {
    let link = format!("{base}?{}", query.unwrap_or_default());
    let page = match DeviceLink::parse(&link) {
        Ok(parsed) => (StatusCode::OK, HEADERS, Html(page_for(&link, parsed.kind))),
        Err(_) => (StatusCode::BAD_REQUEST, HEADERS, Html(no_link())),
    };
    page.into_response()
}

fn page_for(link: &str, kind: LinkKind) -> String {
    // A link that was parsed may still hold `"` or `<` in its base or its code.
    let escaped = escape_markup(link);
    let hint = match kind {
        LinkKind::Qr { .. } => format!(
            "This link was made for a camera: another device may scan it here. It is good for a \
             few seconds only: if it is refused, go back and scan the picture anew.</p><p>{}",
            qr_code(link)
        ),
        // The device that scanned it would lead its own browser back, not this one.
        LinkKind::Web2App | LinkKind::App2App => {
            "If nothing opens: is Symbolon installed on this machine, and are you enrolled? To use \
             another device, go back and choose to scan a picture."
                .to_owned()
        }
    };
    page(&format!(
        "<p>Open it only if you began this yourself, in this browser.</p>\
         <p><a class=\"open\" href=\"symbolon:{escaped}\">Open in Symbolon</a></p>\
         <p>{hint}</p>\
         <p>In a terminal: <code>symbolon open -</code>, then paste this line:</p>\
         <p><code class=\"link\">{escaped}</code></p>"
    ))
}

/// A picture of the link; nothing, if the link is too long for one.
fn qr_code(link: &str) -> String {
    QRBuilder::new(link)
        .build()
        .map(|code| SvgBuilder::default().to_str(&code))
        .unwrap_or_default()
}

fn no_link() -> String {
    page(
        "<p>This address is no device link, or a part of it got lost. Start again at the service \
         where you wanted to log in or sign.</p>",
    )
}

fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Symbolon</title>\
         <style>body{{font:1.1rem/1.5 sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}\
         .open{{display:inline-block;padding:.6rem 1.2rem;border:2px solid;border-radius:.4rem}}\
         .link{{word-break:break-all}}svg{{max-width:16rem}}</style></head>\
         <body><h1>Log in or sign with Symbolon</h1>{body}</body></html>"
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    const QUERY: &str = "deviceLinkType=Web2App&sessionToken=abcDEF123456abcDEF123456\
                         &sessionType=auth&version=1.0&lang=eng&authCode=";

    async fn fetch(query: &str) -> (StatusCode, String) {
        let request = Request::get(format!("/device-link?{query}"))
            .body(Body::empty())
            .unwrap();
        let response = router("https://id.example.org/device-link")
            .oneshot(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        assert_eq!(parts.headers["cache-control"], "no-store");
        assert_eq!(parts.headers["referrer-policy"], "no-referrer");
        let octets = axum::body::to_bytes(body, 1 << 16).await.unwrap();
        (parts.status, String::from_utf8(octets.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_page_hands_over_the_link_as_it_came() {
        let (status, page) = fetch(&format!("{QUERY}LE5RbcucUckg")).await;
        assert_eq!(status, StatusCode::OK);
        let link = format!("https://id.example.org/device-link?{QUERY}LE5RbcucUckg");
        let expected = format!("href=\"symbolon:{}\"", link.replace('&', "&amp;"));
        assert!(page.contains(&expected), "{page}");
    }

    #[tokio::test]
    async fn only_a_link_that_may_be_scanned_is_shown_as_a_picture() {
        let scanned = QUERY.replace("Web2App", "QR&elapsedSeconds=1");
        for (query, pictures) in [(scanned.as_str(), 1), (QUERY, 0)] {
            let (status, page) = fetch(&format!("{query}LE5RbcucUckg")).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(page.matches("<svg").count(), pictures, "{page}");
        }
    }

    #[test]
    fn nothing_in_an_address_becomes_markup() {
        let page = page_for("x\"><script>alert('1')</script>&", LinkKind::Web2App);
        let shown = "x&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;";
        assert!(
            page.contains(&format!("href=\"symbolon:{shown}\"")),
            "{page}"
        );
        assert!(page.contains(&format!("<code class=\"link\">{shown}</code>")));
        assert!(!page.contains("<script"));
    }

    #[tokio::test]
    async fn what_is_no_link_is_said_to_be_none() {
        for query in ["", "deviceLinkType=QR", &QUERY.replace("auth&", "x&")] {
            let (status, page) = fetch(query).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
            assert!(!page.contains("symbolon:"));
        }
    }
}
