"""Who a mail is really from: SPF, DKIM, DMARC and ARC, with the DNS behind a protocol."""
