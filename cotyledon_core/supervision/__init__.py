"""What the manager decides: messages and the time go in, actions come out.

Nothing here touches the operating system, so every decision can be tested with
values and a fake clock.
"""
