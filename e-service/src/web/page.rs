//! How it looks. Whatever somebody else wrote is escaped by the templates.

use maud::{DOCTYPE, Markup, html};

use super::browser::{Seen, Signed, SignedWork};
use super::flow::{Flow, Kind};
use super::log_in::web_to_app;
use crate::verify::Proven;

/// The countries that the form offers.
const COUNTRIES: [(&str, &str); 4] = [
    ("EE", "Estonia"),
    ("LV", "Latvia"),
    ("LT", "Lithuania"),
    ("BE", "Belgium"),
];

/// The only page there is: what is under way, or what one can do.
pub(super) fn front(name: &str, scheme_name: &str, seen: &mut Seen) -> String {
    // Said once.
    let complaint = seen.complaint.take();
    let body = html! {
        @if let Some(complaint) = complaint {
            p.complaint role="alert" { (complaint) }
        }
        @if let Some(flow) = &seen.flow {
            (under_way(scheme_name, flow))
        } @else if let Some(person) = &seen.person {
            (welcome(person, seen.signed.as_ref()))
        } @else {
            (log_in())
        }
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (name) }
                link rel="stylesheet" href="/style.css";
                script src="/app.js" defer {}
            }
            body {
                h1 { (name) }
                (body)
            }
        }
    }
    .into_string()
}

fn log_in() -> Markup {
    html! {
        h2 { "Log in" }
        section {
            h3 { "With this machine, or by scanning" }
            p { "Nobody is asked who does not open the link: the safer way." }
            form method="post" action="/log-in/link" {
                button id="by-link" { "Log in" }
            }
        }
        section {
            h3 { "By asking your devices" }
            form method="post" action="/log-in/notification" {
                label { "Country "
                    select name="country" {
                        @for (code, country) in COUNTRIES {
                            option value=(code) { (country) }
                        }
                    }
                }
                label { "Personal code " input name="code" required autocomplete="off" maxlength="30"; }
                button id="by-notification" { "Log in" }
            }
        }
    }
}

fn under_way(scheme_name: &str, flow: &Flow) -> Markup {
    html! {
        div #flow data-flow=(flow.session) {
            @match &flow.kind {
                Kind::Notification { code, .. } => {
                    h2 { "Look at your device" }
                    p { "Go on only if it shows this code:" }
                    (verification_code(code))
                }
                Kind::Signing { code, work, .. } => {
                    h2 { "Sign " (work.name()) }
                    p { "Go on only if your device shows this code:" }
                    (verification_code(code))
                }
                Kind::Link { request, link, .. } => {
                    h2 { "Open the link" }
                    @if let Some(link) = web_to_app(scheme_name, request, link) {
                        p { a #same-machine .button href=(link) target="_blank" rel="noreferrer" { "On this machine" } }
                        details {
                            summary { "In a terminal" }
                            p { code { "symbolon open -" } ", then paste this line:" }
                            pre { (link) }
                        }
                    }
                    p { "Or scan this with your device:" }
                    img #qr src="/qr.svg" alt="The link as a picture, good for a few seconds" width="280" height="280";
                    p #qr-over hidden { "The picture is too old. Please begin anew." }
                }
            }
            form method="post" action="/cancel" { button { "Cancel" } }
        }
        noscript {
            p { "Without JavaScript: " a href="/" { "look again" } ", every few seconds." }
        }
    }
}

fn verification_code(code: &str) -> Markup {
    html! { p #verification-code .code { (code) } }
}

fn welcome(person: &Proven, signed: Option<&Signed>) -> Markup {
    let identity = &person.identity;
    html! {
        h2 { "Welcome, " span #person { (identity.given_name) " " (identity.surname) } }
        dl {
            dt { "Identifier" } dd #identifier { (identity.semantics_identifier) }
            @if let Some(date) = identity.birth_date {
                dt { "Born" } dd { (date) }
            }
            dt { "Account" } dd #account { (person.document_number) }
            dt { "Certificate" } dd { (person.level.name()) }
        }
        @if let Some(signed) = signed { (was_signed(signed)) }
        section {
            h3 { "Sign a file" }
            form method="post" action="/sign/file" enctype="multipart/form-data" {
                label { "File " input type="file" name="file" required; }
                label { "Encoding "
                    select name="algorithm" {
                        option value="pss" { "RSASSA-PSS, SHA-512" }
                        option value="pkcs1" { "PKCS #1 v1.5, SHA-512" }
                    }
                }
                button id="sign-file" { "Sign" }
            }
        }
        section {
            h3 { "Sign a PDF" }
            form method="post" action="/sign/pdf" enctype="multipart/form-data" {
                label { "PDF " input type="file" name="file" accept="application/pdf" required; }
                button id="sign-pdf" { "Sign" }
            }
        }
        form method="post" action="/log-out" { button { "Log out" } }
    }
}

fn was_signed(signed: &Signed) -> Markup {
    html! {
        section #signed {
            h3 { "Signed: " (signed.name) }
            @match &signed.work {
                SignedWork::Detached { openssl, .. } => {
                    p {
                        a #signature href="/signed/signature" { "The signature" } ", "
                        a #certificate href="/signed/certificate" { "the certificate" }
                    }
                    p { "Verified here, and to be verified anywhere:" }
                    pre {
                        "openssl x509 -in certificate.pem -noout -pubkey > key.pem\n"
                        "openssl dgst " (openssl) " -verify key.pem -signature "
                        (signed.name) ".sig " (signed.name)
                    }
                }
                SignedWork::Pdf(_) => {
                    p { a #document href="/signed/document.pdf" { "The signed PDF" } }
                    p { "It holds a PAdES signature, which any reader of PDFs verifies that trusts the authority." }
                }
            }
        }
    }
}
