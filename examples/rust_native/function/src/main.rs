//! An HTTP handler that streams its body.

use std::time::Duration;

use lambda_http::{http::header::CONTENT_TYPE, run_with_streaming_response, service_fn, Error, Request, Response};
use lambda_runtime::streaming::{channel, Body};

async fn words(_request: Request) -> Result<Response<Body>, Error> {
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for word in "Each word arrives when it is made.".split(' ') {
            // An error means that the caller has left.
            if sender.send_data(format!("{word}\n").into()).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    });
    Ok(Response::builder()
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(body)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run_with_streaming_response(service_fn(words)).await
}
