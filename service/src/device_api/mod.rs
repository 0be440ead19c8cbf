//! The device API: HTTP/2 and JSON under `/device/v1`, for devices that TLS has identified.
//!
//! [`exchange`] ties each route to the request and reply types of `symbolon_protocol::device`; the
//! handlers do no more than call the domain. Events have a file of their own.

mod account;
mod caller;
mod events;
mod exchange;
mod links;
mod problem;
mod transactions;

use std::sync::Arc;

use axum::Router;
use symbolon_protocol::device::MAX_BODY;
use symbolon_protocol::device::account::{CloseAccount, FetchAccount, ReportPinChange};
use symbolon_protocol::device::enrolment::{Activate, BeginEnrolment, RegisterKeys};
use symbolon_protocol::device::events::{Acknowledge, EVENTS_PATH};
use symbolon_protocol::device::link::OpenLink;
use symbolon_protocol::device::lock::{ReportReading, RequestLockChallenge, RequestRelease};
use symbolon_protocol::device::pin::ProvePin;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::{
    Confirm, Consent, FetchTransaction, ListPending, Prepare, Refuse,
};

use crate::refusal::Refusal;
use crate::service::Service;
use crate::{co_signing, enrolment, lock, pins};
pub use caller::Caller;
use exchange::{Arrived, answer};

type Shared = Arc<Service>;

/// The device API. Each request must carry a [`Caller`] in its extensions.
pub fn router(service: Service) -> Router {
    let router = enrolment_routes(Router::new());
    let router = lock_routes(account_routes(transaction_routes(router)));
    router
        .route(EVENTS_PATH, axum::routing::get(events::fetch))
        .fallback(async || {
            problem::respond(&Refusal::new(
                ProblemCode::NotFound,
                "there is no such path",
            ))
        })
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(service))
}

fn enrolment_routes(router: Router<Shared>) -> Router<Shared> {
    let router =
        answer::<BeginEnrolment, _, _>(router, async |service: Shared, request: Arrived<_>| {
            enrolment::begin(&service, request.caller.device, &request.message).await
        });
    let router =
        answer::<RegisterKeys, _, _>(router, async |service: Shared, request: Arrived<_>| {
            let Arrived {
                caller,
                id,
                message,
                body,
            } = request;
            enrolment::register(&service, caller.device, id, &message, &body).await
        });
    answer::<Activate, _, _>(router, async |service: Shared, request: Arrived<_>| {
        enrolment::activate(&service, request.caller.device, request.id).await
    })
}

fn transaction_routes(router: Router<Shared>) -> Router<Shared> {
    let router = answer::<OpenLink, _, _>(router, async |service: Shared, request: Arrived<_>| {
        links::open(&service, &request.caller.device, &request.message).await
    });
    let router =
        answer::<ListPending, _, _>(router, async |service: Shared, request: Arrived<_>| {
            transactions::pending(&service, &request.caller.device).await
        });
    let router =
        answer::<FetchTransaction, _, _>(router, async |service: Shared, request: Arrived<_>| {
            transactions::fetch(&service, &request.caller.device, request.id).await
        });
    let router = answer::<Prepare, _, _>(router, async |service: Shared, request: Arrived<_>| {
        let Arrived {
            caller,
            id,
            message,
            ..
        } = request;
        co_signing::prepare(&service, &caller.device, id, message).await
    });
    let router = answer::<Confirm, _, _>(router, async |service: Shared, request: Arrived<_>| {
        let Arrived {
            caller,
            id,
            message,
            body,
        } = request;
        let address = caller.address.ip();
        co_signing::confirm(&service, &caller.device, address, id, &message, &body).await
    });
    let router = answer::<Consent, _, _>(router, async |service: Shared, request: Arrived<_>| {
        let Arrived { caller, id, .. } = request;
        co_signing::consent(&service, &caller.device, caller.address.ip(), id).await
    });
    answer::<Refuse, _, _>(router, async |service: Shared, request: Arrived<_>| {
        let Arrived {
            caller,
            id,
            message,
            ..
        } = request;
        co_signing::refuse(&service, &caller.device, id, &message).await
    })
}

fn account_routes(router: Router<Shared>) -> Router<Shared> {
    let router =
        answer::<FetchAccount, _, _>(router, async |service: Shared, request: Arrived<_>| {
            account::status(&service, &request.caller.device).await
        });
    let router =
        answer::<ReportPinChange, _, _>(router, async |service: Shared, request: Arrived<_>| {
            account::pin_changed(&service, &request.caller.device, &request.message).await
        });
    let router =
        answer::<CloseAccount, _, _>(router, async |service: Shared, request: Arrived<_>| {
            account::close_by_owner(&service, &request.caller.device).await
        });
    answer::<Acknowledge, _, _>(router, async |service: Shared, request: Arrived<_>| {
        events::acknowledge(&service, &request.caller.device, &request.message).await
    })
}

fn lock_routes(router: Router<Shared>) -> Router<Shared> {
    let router = answer::<ProvePin, _, _>(router, async |service: Shared, request: Arrived<_>| {
        let Arrived {
            caller,
            message,
            body,
            ..
        } = request;
        pins::prove(&service, &caller.device, message, &body).await
    });
    let router = answer::<RequestLockChallenge, _, _>(
        router,
        async |service: Shared, request: Arrived<_>| {
            lock::challenge(&service, &request.caller.device).await
        },
    );
    let router =
        answer::<ReportReading, _, _>(router, async |service: Shared, request: Arrived<_>| {
            lock::report(&service, &request.caller.device, request.message).await
        });
    answer::<RequestRelease, _, _>(router, async |service: Shared, request: Arrived<_>| {
        lock::release(&service, &request.caller.device, request.message).await
    })
}
