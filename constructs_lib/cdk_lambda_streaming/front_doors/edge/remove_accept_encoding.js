// CloudFront Function, at viewer request: removes accept-encoding, so that the application does not compress. A Function
// URL decodes compressed responses, and some of them fail with status 502.
function handler(event) {
    var request = event.request;
    delete request.headers['accept-encoding'];
    return request;
}
