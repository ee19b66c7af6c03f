"""What was reserved for a request and is given back: expired, cancelled, or taken for a graver need by two people."""
