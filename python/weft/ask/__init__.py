"""Ask before you apply: the very tables that the proxies run, asked offline."""
