"""`make newcomer`: the first hour of somebody who has only README and the tour, and whether those told the truth."""
