"""The console: a read-only web page over the running domain, for this machine's browser alone.

It asks the embedded AWS what any client of it could ask; nothing here can change anything (`aws.reader`
refuses every other operation).
"""
