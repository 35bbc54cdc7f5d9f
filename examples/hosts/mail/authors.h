/* Who may write as whom: what From names, and whose key has signed. */
#ifndef BULLA_MAIL_AUTHORS_H
#define BULLA_MAIL_AUTHORS_H

#include "host.h"
#include "mail.h"

/* 1: the signer's key signs for this address; 0: nobody knows whose does; -1: only others do. */
int author_is(const struct host *host, const char *address, const bulla_key *signer);

/* The same of all authors that a header names: 1 only if the signer's key signs for each; -1 also if there are several From fields.
 * AUTHORS_UNKNOWN if there is no memory to tell. */
#define AUTHORS_UNKNOWN (-2)
int authors_are(const struct host *host, const struct header *header, const bulla_key *signer);

/* Whether mail that is not sealed is refused, for one of its authors seals. 1, 0, or -1 for want of memory. */
int plain_is_refused(const struct host *host, const struct mail *mail);

#endif
