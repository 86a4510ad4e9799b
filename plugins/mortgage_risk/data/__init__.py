"""Raw loan tapes to checked datasets: what was delivered, cleaned, published, and whether its checks pass."""
