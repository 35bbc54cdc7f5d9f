/* The outer mail: the header that relays see, and how our own is known when it comes to be sent once more. */
#ifndef BULLA_MAIL_OUTER_H
#define BULLA_MAIL_OUTER_H

#include "mail.h"
#include "outgoing.h"

/* What delivery needs, and nothing of the author's program. */
void outer_header(const struct host *host, const struct mail *mail, const bulla_sent *sent, const bulla_buffer *envelope,
                  struct header *header);

/* Whether its body is what we sealed ourselves, and nothing beside it: sent again, or a receipt. What only looks sealed may hold
 * anything, and is sealed like any other mail. 1, 0, or -1 for want of memory. */
int sealed_by_us(const struct host *host, const struct mail *mail);
/* Such a mail goes as it is, without the fields that a content filter has added: they are in clear, and sealing it once more would make
 * it unreadable. `ours`: what sealed_by_us() said. */
void outer_keep(const struct host *host, const struct mail *mail, int ours, struct outcome *outcome);

#endif
