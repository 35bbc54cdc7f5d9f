/* What the milter has the mail server change of a mail. */
#ifndef BULLA_MAIL_CHANGES_H
#define BULLA_MAIL_CHANGES_H

#include "host.h"
#include "mail.h"

#include <libmilter/mfapi.h>

/* A connection, and the mail that comes over it. It keeps the host that it began with. `unnoticed`: its client wants nobody told if
 * it cannot be delivered; `success`: and that he is told if it is; `utf8`: it asked for SMTPUTF8. */
struct session { struct host *host; struct mail mail; size_t size; int leading_space, broken, unnoticed, success, utf8; };

/* Both: MI_SUCCESS, or MI_FAILURE, after which the mail must not be let pass. */
int changes_make(SMFICTX *context, const struct session *session, struct outcome *outcome, struct text *results);
/* Whether an opened mail would be bounced by servers that take it as it was: it came with SMTPUTF8 (RFC 6531), and with a header that needs
 * that, while what was sealed does not. The queue remembers that of the mail, and no milter can take it back. */
int asks_too_much(const struct session *session, const struct outcome *outcome);
/* It stays as it is, but for what it says in our name: somebody may let it pass. */
int set_aside(SMFICTX *context, const struct session *session, struct outcome *outcome);

#endif
