"""What runs at CloudFront's edge, sent there as source; nothing of it runs at synth."""
