"""Code for CloudFront's edge. It is deployed as source and never runs at synth."""
