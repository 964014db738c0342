// CloudFront Function, at viewer request: tells the application which host the browser asked, since the Host header
// that reaches it has to be the Function URL's. What a client claims is overwritten.
function handler(event) {
    var request = event.request;
    if (request.headers.host) {
        request.headers['x-forwarded-host'] = { value: request.headers.host.value };
    }
    return request;
}
