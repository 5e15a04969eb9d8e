"""What the scripts beside this package have in common: where the programs and the servers come
from, how they are run and watched, and what is told of it. Only the standard library is needed."""
