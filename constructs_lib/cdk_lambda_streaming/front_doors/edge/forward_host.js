// CloudFront Function, at viewer request. A behavior has only one, so this one has two tasks. It passes the browser's host
// to the application in x-forwarded-host, because the Host header must be the Function URL's; it overwrites the header of a
// client. It also removes accept-encoding, as remove_accept_encoding.js does.
function handler(event) {
    var request = event.request;
    delete request.headers['accept-encoding'];
    if (request.headers.host) {
        request.headers['x-forwarded-host'] = { value: request.headers.host.value };
    }
    return request;
}
