"""An AWS job: named by its request, found again, waited for, stopped, paid for, traced."""
